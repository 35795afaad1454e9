package main

import (
	"os"
	"runtime"
)

// spread lets more goroutines run at once than a small machine has processors. The Go
// scheduler has one queue a thread and gives turns of up to 10 ms; with two threads, a
// query that wakes up some ten times on its way waits behind whatever takes documents in
// each time, and its p95 is ten times that of a quiet server. With three threads a
// processor the operating system shares out the processors instead, which favours whoever
// has just woken up: it is two to three times. GOMAXPROCS in the environment is obeyed.
func spread() {
	if os.Getenv("GOMAXPROCS") != "" {
		return
	}
	processors := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(max(processors, min(3*processors, 8)))
}
