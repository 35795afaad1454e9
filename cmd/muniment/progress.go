package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress shows how far long work has come, on one line that is written over, and only
// if a person is looking.
type progress struct {
	out   io.Writer // nil = nobody is looking
	noun  string    // what is counted, "lines" if empty
	start time.Time
	last  time.Time
	shown bool
}

func newProgress(out *os.File, quiet bool) *progress {
	p := &progress{start: time.Now()}
	if info, err := out.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 && !quiet {
		p.out = out
	}
	return p
}

func (p *progress) step(n int) {
	if p.out == nil || time.Since(p.last) < 200*time.Millisecond {
		return
	}
	p.last, p.shown = time.Now(), true
	fmt.Fprintf(p.out, "\r\033[K%d %s acknowledged, %.0f a second", n, first(p.noun, "lines"), float64(n)/max(time.Since(p.start).Seconds(), 0.001))
}

// clear takes the line away so that something else can be printed.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.out, "\r\033[K")
		p.shown = false
	}
}

func (p *progress) done() { p.clear() }
