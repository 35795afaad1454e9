package freshness

import (
	"math/bits"
	"strings"
)

// strangers compares documents that are no relatives. It was measured on sentences that people had rewritten and on
// the handbooks of several organisations; what it finds is for stewards to look at, and never shown to callers.
var strangers = test{overlap, evidence.suspicion, minSuspicion}

// minContainment is the share of the shorter sentence's words that the longer must have.
const minContainment = 0.4

// overlap is the share of the words of the shorter line that the longer has, 0 if the two cannot be
// counterparts in documents that are no relatives. What two authors write of one thing differs in length more than what
// one author writes twice, so that it is not the share of the words of both.
func overlap(a, b *line) float64 {
	if a.kinds&b.kinds == 0 || a.Row != b.Row || bits.OnesCount64(a.sketch&b.sketch) < minShared-1 ||
		a.foreign(b) || a.stamped || b.stamped {
		return 0
	}
	shared := a.shared(b)
	c := float64(shared) / float64(min(len(a.stems), len(b.stems)))
	if shared < minShared || c < minContainment {
		return 0
	}
	return c
}

const (
	minSuspicion = 0.1
	maxSuspicion = 0.5
)

// suspicion is confidence for documents that are no relatives. It is at most a half, since in real handbooks most
// of what differs is no conflict. What is counted, paid or measured says by its noun or its unit what it is; the
// values of which a page states several, of anything, need the same neighbourhood and the same names to be of one thing.
func (e evidence) suspicion() float64 {
	if e.common && (e.context < 0.5 || e.renamed || e.similarity < minSimilarity) {
		return 0
	}
	p := minSuspicion + 0.2*e.context + 0.1*e.similarity
	if e.rule {
		p += 0.1
	}
	return min(p, maxSuspicion)
}

// setApart reports whether two documents are made to differ, or one of them not to hold any more: an old version, a
// record of its time, an issue of a series, a page filled in from the same form, a page that is named as the other is and
// is about the thing that its folder is named after.
func setApart(a, b *document) bool {
	return a.Superseded || b.Superseded || dated(a.Key) || dated(b.Key) || series(a.Key, b.Key) || namesake(a.Key, b.Key) ||
		a.Signature.Similarity(b.Signature) >= copySimilarity
}

// namesake reports whether two keys end in the same segment: "north/README.md" and "south/README.md".
func namesake(a, b string) bool {
	i, j := strings.LastIndexByte(a, '/'), strings.LastIndexByte(b, '/')
	return i >= 0 && j >= 0 && a[i:] == b[j:]
}

// dated reports whether a key holds a year, a month of one or a day: "posts/2021-11-15-release", "minutes-202103".
func dated(key string) bool {
	for key != "" {
		run := leadingRun(key)
		if strings.HasPrefix(run, "19") || strings.HasPrefix(run, "20") {
			switch len(run) {
			case 4:
				return true
			case 6, 8:
				if _, ok := dateOf(atoi(run[:4]), atoi(run[4:6]), max(0, atoi(run[6:]))); ok && run[4:6] != "00" {
					return true
				}
			}
		}
		key = key[len(run):]
	}
	return false
}
