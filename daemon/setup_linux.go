package daemon

const rlimitNproc = 6 // RLIMIT_NPROC; package syscall has no name for it
