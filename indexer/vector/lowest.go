package vector

import (
	"math"
	"slices"
)

// candidate is a slot whose product with the question is at most upper.
type candidate struct {
	slot  int
	upper float64
}

// lowest keeps the greatest numbers it was offered, as a heap with the least of them on top.
type lowest struct {
	limit int
	heap  []float64
}

// threshold is the limit-th greatest number so far, or below all.
func (l *lowest) threshold() float64 {
	if len(l.heap) < l.limit {
		return math.Inf(-1)
	}
	return l.heap[0]
}

func (l *lowest) offer(x float64) {
	h := l.heap
	if len(h) < l.limit {
		h = append(h, x)
		l.heap = h
		for i := len(h) - 1; i > 0 && h[i] < h[(i-1)/2]; i = (i - 1) / 2 {
			h[i], h[(i-1)/2] = h[(i-1)/2], h[i]
		}
		return
	}
	if x <= h[0] {
		return
	}
	h[0] = x
	for i := 0; 2*i+1 < len(h); {
		child := 2*i + 1
		if child+1 < len(h) && h[child+1] < h[child] {
			child++
		}
		if h[i] <= h[child] {
			break
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

// prune drops the candidates that have turned out not to reach the threshold.
func (l *lowest) prune(list []candidate) []candidate {
	threshold := l.threshold()
	return slices.DeleteFunc(list, func(c candidate) bool { return c.upper < threshold })
}
