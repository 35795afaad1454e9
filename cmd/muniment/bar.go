package main

import (
	"fmt"
	"strings"
	"time"
)

// barWidth is how many characters a full bar has.
const barWidth = 30

// bar shows how much of something is done, on the line of the progress.
func (p *progress) bar(what string, done, total int64, unit func(int64) string) {
	if p.out == nil || done < total && time.Since(p.last) < 200*time.Millisecond {
		return
	}
	p.last, p.shown = time.Now(), true
	fmt.Fprintf(p.out, "\r\033[K%s", barLine(what, done, total, unit))
}

// barLine is one line: what, a bar, the share and the numbers.
func barLine(what string, done, total int64, unit func(int64) string) string {
	share := 1.0
	if total > 0 {
		share = min(max(float64(done)/float64(total), 0), 1)
	}
	full := int(share * barWidth)
	return fmt.Sprintf("%-10s [%s%s] %3.0f %%  %s of %s", what,
		strings.Repeat("#", full), strings.Repeat("-", barWidth-full), share*100, unit(done), unit(total))
}

// plainCount writes a number as it is.
func plainCount(n int64) string { return fmt.Sprint(n) }

// bytesText writes a size for people.
func bytesText(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
