// Package embed turns text into vectors.
//
// There are two ways. Static, the embedded default, is a table of word vectors that
// travels in the binary and needs neither network nor files. Server asks an embedding
// server that speaks OpenAI's protocol; it runs elsewhere and may be slow, down, or wrong,
// so it is used behind a Guard, which believes nothing that it cannot check.
package embed

import (
	"math"
	"strings"
)

// Space names what makes two vectors comparable: the model, its dimensions and how its
// vectors are made. Vectors of different spaces are never compared.
type Space struct {
	ID         string  // model, dimensions and version; stored with every vector
	Dimensions int     // components of a vector
	Weight     float64 // calibrated share of the vector leg in score fusion, 0..1
}

// serverSpace begins the id of every space that a Server's vectors are in.
const serverSpace = "embedder:"

// Own reports whether the space is one of this package's, whatever the model and version.
// Its vectors were made from the passages' text and can be made again; vectors of any other
// space were brought by a sender.
func Own(space string) bool {
	return strings.HasPrefix(space, serverSpace) || strings.HasPrefix(space, staticFamily)
}

// Normalize scales v to unit length in place and reports whether it could. It leaves v as
// it is and reports false if v is zero, empty, or holds a NaN or an infinity.
func Normalize(v []float32) bool {
	// A float32 squared neither overflows nor vanishes in float64. The conversion of
	// each product keeps the compiler from fusing it with the sum on some machines.
	sum := 0.0
	for _, x := range v {
		sum += float64(float64(x) * float64(x))
	}
	if !(sum > 0) || math.IsInf(sum, 1) {
		return false
	}
	length := math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) / length)
	}
	return true
}
