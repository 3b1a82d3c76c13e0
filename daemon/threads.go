package daemon

import (
	"os"
	"runtime"
	"sync"
)

const (
	// coresMax bounds how many threads run Go code at once. The manager's loop decides and one
	// loop copies output, so more gains nothing, and on a large machine would only cost threads.
	// It is also how many children are started at the same time; more than a few would wait
	// for each other in the kernel, for the directory of their logs.
	coresMax = 4
	// threadsMin is how many there are from the start on. An idle one costs some 20 KiB and no time.
	threadsMin = 10
)

// limitCores keeps to coresMax.
func limitCores() {
	if runtime.GOMAXPROCS(0) > coresMax {
		runtime.GOMAXPROCS(coresMax)
	}
}

// prepareThreads makes the threads that the daemon may need now, while there are some to be
// had: Go's runtime ends the whole program when it cannot make one, and so a program that
// uses up the processes of its user or its container (ulimit -u, pids.max) would take its
// supervisor with it. It takes half a millisecond, which the first start has to wait for: one
// program that forks and forks is enough, and it is as quick as that.
func prepareThreads() {
	var done sync.WaitGroup
	release := make(chan struct{})
	for held := 0; held < threadsMin && countThreads(held) < threadsMin; held++ {
		ready := make(chan struct{})
		done.Go(func() {
			runtime.LockOSThread() // a goroutine that waits like this keeps its thread
			defer runtime.UnlockOSThread()
			close(ready)
			<-release
		})
		<-ready
	}
	close(release)
	done.Wait()
}

// countThreads is how many threads there are, of which held wait. Where the system does not say
// it, the least that run besides is taken.
func countThreads(held int) int {
	d, err := os.Open("/proc/self/task")
	if err != nil {
		return held + 4
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	return len(names)
}
