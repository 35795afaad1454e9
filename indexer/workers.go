package indexer

import "runtime"

var workers = max(1, runtime.GOMAXPROCS(0)/2)

// Workers is how many goroutines may do one of the things that take documents in, such as
// splitting or analysing them: half of the processors that the process began with, at least
// one. More of them do not take in more, because the writer waits for the disk and for
// building segments meanwhile, but queries wait longer for their turn.
func Workers() int { return workers }
