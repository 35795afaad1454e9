package main

import "fmt"

// diskError ends the server because a write failed in a way that only opening everything
// anew can clear up.
type diskError struct {
	part  string
	cause error
}

func (e diskError) Error() string {
	return fmt.Sprintf("stopped, because writing the %s failed: %v; what was acknowledged is kept: check the disk, then start the server again", e.part, e.cause)
}

func (e diskError) Unwrap() error { return e.cause }
