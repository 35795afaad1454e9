package retriever_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// checking bounds the search for an order. Nearly all of a history has only one, so that
// it ends in moments; one that does not is not taken for right.
const checking = 2 * time.Minute

// wrong returns, for the first register whose history no order explains, a small part of
// it that none explains either; nil if there is no such register.
func wrong(t *testing.T, history []deed) (reader, paper int, small []deed) {
	t.Helper()
	known := rules{}
	for reader := range readers {
		for paper := range papers {
			var part []deed
			for _, d := range history {
				if d.concerns(reader, paper) {
					part = append(part, d)
				}
			}
			if !explained(t, known, part, reader, paper) {
				return reader, paper, smallest(t, known, part, reader, paper)
			}
		}
	}
	return 0, 0, nil
}

// explained reports whether some order of the deeds that overlap explains every result.
func explained(t *testing.T, known rules, history []deed, reader, paper int) bool {
	t.Helper()
	var operations []porcupine.Operation
	for _, d := range history {
		operations = append(operations, d.on(paper))
	}
	switch porcupine.CheckOperationsTimeout(known.model(reader), operations, checking) {
	case porcupine.Ok:
		return true
	case porcupine.Illegal:
		return false
	}
	t.Fatalf("a history of %d operations could not be checked in %s", len(history), checking)
	return false
}

// smallest drops what is not needed to see that the history is wrong. A read changes
// nothing, so a history without some of its reads is explained if the whole one is: the
// reads can go one by one, and first all after the earliest that is wrong.
func smallest(t *testing.T, known rules, history []deed, reader, paper int) []deed {
	t.Helper()
	slices.SortFunc(history, func(a, b deed) int { return cmp.Compare(a.to, b.to) })
	// What was only asked for after everything else of a history was answered explains nothing in it.
	n, _ := slices.BinarySearchFunc(history, false, func(d deed, _ bool) int {
		var begun []deed
		for _, e := range history {
			if e.from <= d.to && (!e.reads() || e.to <= d.to) {
				begun = append(begun, e)
			}
		}
		if explained(t, known, begun, reader, paper) {
			return -1
		}
		return 0
	})
	end := history[n].to
	history = slices.DeleteFunc(history, func(d deed) bool { return d.from > end || d.reads() && d.to > end })
	for step := len(history); step > 0; step /= 2 {
		for at := len(history); at > 0; at -= step {
			without := slices.Clone(history)
			for i := at - 1; i >= max(0, at-step); i-- {
				if without[i].reads() {
					without = slices.Delete(without, i, i+1)
				}
			}
			if len(without) < len(history) && !explained(t, known, without, reader, paper) {
				history = without
			}
		}
	}
	return lastOf(history, paper)
}

// lastOf leaves out the writes that others have long replaced before the first read begins,
// but for a version that a read returned.
func lastOf(history []deed, paper int) []deed {
	first := time.Duration(1<<63 - 1)
	returned := map[int64]bool{}
	for _, d := range history {
		if d.reads() {
			first = min(first, d.from)
			returned[d.on(paper).Output.(result).version] = true
		}
	}
	type register struct {
		kind   actKind
		target int
	}
	kept := map[register]int{}
	var short []deed
	for _, d := range slices.Backward(history) {
		at := register{d.kind, d.target}
		switch d.kind {
		case put, remove, access:
			at = register{kind: min(d.kind, access)}
		}
		if d.to < first && !d.reads() && !(d.kind == put && returned[d.version]) {
			if kept[at]++; kept[at] > 2 {
				continue
			}
		}
		short = append(short, d)
	}
	slices.SortFunc(short, func(a, b deed) int { return cmp.Compare(a.from, b.from) })
	return short
}

// tell writes the history down, a line for each deed in the order in which they began.
func tell(reader, paper int, history []deed) string {
	var b strings.Builder
	fmt.Fprintf(&b, "no order explains what %s saw of paper %d (times in ms, of each deed from asking to answer):\n", readers[reader], paper)
	for _, d := range history {
		fmt.Fprintf(&b, "  %10.3f – %10.3f  client %d  %v", ms(d.from), ms(d.to), d.client, d.act)
		if out := d.on(paper).Output.(result); d.reads() || out.refused {
			fmt.Fprintf(&b, " → %v", out)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
