package daemon

import (
	"runtime"
	"sync"

	"gosv/proc"
)

const (
	// coresMax bounds how many threads run Go code at once. The manager's loop decides and one
	// loop copies output, so more gains nothing, and on a large machine would only cost threads.
	// It is also how many children are started at the same time; more than a few would wait
	// for each other in the kernel, for the directory of their logs.
	coresMax = 4
	// spare is how many threads are made at the start, beside the five that there are by then: four of
	// Go's runtime, and the first one, which only waits. An idle one costs some 20 KiB and no time.
	spare = 6
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
	var ready, done sync.WaitGroup
	release := make(chan struct{})
	for range spare {
		ready.Add(1)
		done.Go(func() {
			runtime.LockOSThread() // a goroutine that waits like this keeps its thread
			defer runtime.UnlockOSThread()
			ready.Done()
			<-release
		})
	}
	ready.Wait()
	close(release)
	done.Wait()
}

// besideFirst runs f while the first thread waits for it and does nothing else. The kernel gives a signal for the process to
// that one first (SIGCHLD to the one that has forked: see HearPending in proc), and where it hangs, in the disk of a
// log or in the mount of a program's directory, has the signal wait for it: no call of a pipe (SIGIO) was heard then
// until some other signal came. One that waits like this always has time. To be called by the main goroutine before
// there are others, while it is still on that thread; should it not be, which takes a system call before that lasted
// for milliseconds, another thread waits, and all is as it would be without.
func besideFirst(f func() int) int {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	code := make(chan int)
	go func() {
		proc.GrowStack()
		code <- f()
	}()
	return <-code
}
