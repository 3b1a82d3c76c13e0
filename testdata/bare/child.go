// A program for a container without anything: it says who it is, and ends when told to.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	groups, _ := os.Getgroups()
	fmt.Println("it is", os.Getuid(), os.Getgid(), groups)
	fmt.Fprintln(os.Stderr, "on stderr too")
	<-c
	fmt.Println("it ends")
}
