package main

import (
	"cmp"
	"math"
	"slices"

	"github.com/muniment/muniment/indexer/embed"
)

// smoothing is the a of smooth inverse frequency, a/(a+p) for a word of probability p.
const smoothing = 1e-4

// choose keeps the n most frequent words that a text can be split into: ASCII letters and
// digits, at least one letter, a vector that is not zero.
func choose(vocabulary []word, n int) []word {
	var kept []word
	for _, w := range vocabulary {
		if len(kept) < n && plain(w.spelling) && slices.ContainsFunc(w.vector, func(x float32) bool { return x != 0 }) {
			kept = append(kept, w)
		}
	}
	return kept
}

func plain(spelling string) bool {
	letters := 0
	for _, c := range []byte(spelling) {
		switch {
		case 'a' <= c && c <= 'z':
			letters++
		case c < '0' || c > '9':
			return false
		}
	}
	return letters > 0 && len(spelling) <= 32
}

// makeTable quantises the words, weighs them and finds their common direction. The source
// gives no frequencies, only their order, so a word's probability is that of Zipf's law
// over the whole vocabulary.
func makeTable(words []word, vocabulary int) *embed.Table {
	words = slices.SortedFunc(slices.Values(words), func(a, b word) int { return cmp.Compare(a.spelling, b.spelling) })
	harmonic := 0.0
	for r := 1; r <= vocabulary; r++ {
		harmonic += 1 / float64(r)
	}
	t := &embed.Table{}
	weights, largest := make([]float64, len(words)), 0.0
	var moments [embed.Dimensions][embed.Dimensions]float64
	for i, w := range words {
		p := 1 / (float64(w.rank) * harmonic)
		values := quantise(w.vector)
		length := 0.0
		for d, v := range values {
			length += float64(v) * float64(v)
			if d%4 == 0 {
				t.Rows = append(t.Rows, 0)
			}
			t.Rows[len(t.Rows)-1] |= byte(v+3) / 2 << (d % 4 * 2)
		}
		// Every word has unit length before its weight: the length of a vector says how
		// often its word was seen, which the weight already accounts for.
		weights[i] = smoothing / (smoothing + p) / math.Sqrt(length)
		largest = max(largest, weights[i])
		for a, x := range values {
			for b, y := range values {
				moments[a][b] += p * weights[i] * weights[i] * float64(x) * float64(y)
			}
		}
		t.Words = append(t.Words, w.spelling)
	}
	for _, weight := range weights {
		t.Scales = append(t.Scales, uint16(math.Round(weight/largest*math.MaxUint16)))
	}
	t.Common = principal(&moments)
	return t
}

// quantise gives each dimension the nearest of -3, -1, 1 and 3 times a step, with the step
// that loses the least of the vector.
func quantise(vector []float32) [embed.Dimensions]int8 {
	largest := 0.0
	for _, x := range vector {
		largest = max(largest, math.Abs(float64(x)))
	}
	var best [embed.Dimensions]int8
	least := math.Inf(1)
	for i := range 64 {
		// Half the distance of two values; at largest/3 the largest is met exactly.
		step := largest / 3 * (0.2 + 0.8*float64(i)/63)
		var values [embed.Dimensions]int8
		lost := 0.0
		for d, x := range vector {
			values[d] = 1
			if math.Abs(float64(x)) >= 2*step {
				values[d] = 3
			}
			if math.Signbit(float64(x)) {
				values[d] = -values[d]
			}
			off := float64(x) - step*float64(values[d])
			lost += off * off
		}
		if lost < least {
			best, least = values, lost
		}
	}
	return best
}

// principal is the first principal component, by power iteration: the direction in which
// texts of words drawn by their probability reach furthest from zero, whatever they say.
func principal(moments *[embed.Dimensions][embed.Dimensions]float64) [embed.Dimensions]float32 {
	var direction [embed.Dimensions]float64
	for d := range direction {
		direction[d] = 1 + float64(d)/embed.Dimensions
	}
	for range 1000 {
		var next [embed.Dimensions]float64
		length := 0.0
		for a := range next {
			for b, x := range direction {
				next[a] += moments[a][b] * x
			}
			length += next[a] * next[a]
		}
		for d := range next {
			direction[d] = next[d] / math.Sqrt(length)
		}
	}
	var out [embed.Dimensions]float32
	for d, x := range direction {
		out[d] = float32(x)
	}
	return out
}
