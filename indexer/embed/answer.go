package embed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// ErrAnswer says that what the server answered cannot be the vectors that were asked for.
var ErrAnswer = errors.New("embed: the embedding server's answer is not usable")

// answer is the body of a response, as far as it matters.
type answer struct {
	Data []struct {
		Index  *int    `json:"index"`
		Vector numbers `json:"embedding"`
	} `json:"data"`
}

// numbers is a vector in JSON. The standard decoding into []float32 would read null, which
// some servers write for NaN, as 0.
type numbers []float32

// UnmarshalJSON implements json.Unmarshaler for a list of finite numbers.
func (v *numbers) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if len(b) < 2 || b[0] != '[' {
		return errors.New("embedding is not a list of numbers")
	}
	b = bytes.TrimSpace(b[1 : len(b)-1])
	*v = make(numbers, 0, bytes.Count(b, []byte(","))+1)
	for len(b) > 0 {
		number, rest, _ := bytes.Cut(b, []byte(","))
		x, err := strconv.ParseFloat(string(bytes.TrimSpace(number)), 32)
		if err != nil { // too great for float32 too
			return errors.New("embedding holds something that is no finite number")
		}
		*v = append(*v, float32(x))
		b = rest
	}
	return nil
}

// vectors reads as many vectors as there were texts, puts them in the texts' order, which
// need not be the answer's, and brings them to unit length.
func (s *Server) vectors(body []byte, texts int) ([][]float32, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrAnswer, err)
	}
	if len(a.Data) != texts {
		return nil, fmt.Errorf("%w: %d vectors for %d texts", ErrAnswer, len(a.Data), texts)
	}
	vectors := make([][]float32, texts)
	for _, d := range a.Data {
		switch {
		case d.Index == nil || *d.Index < 0 || *d.Index >= texts:
			return nil, fmt.Errorf("%w: a vector does not say which of the %d texts it is of", ErrAnswer, texts)
		case vectors[*d.Index] != nil:
			return nil, fmt.Errorf("%w: two vectors for one text", ErrAnswer)
		}
		v := []float32(d.Vector)
		if s.config.Cut && len(v) > s.config.Dimensions {
			v = v[:s.config.Dimensions:s.config.Dimensions]
		}
		if len(v) != s.config.Dimensions {
			return nil, fmt.Errorf("%w: a vector of %d numbers, where the configuration says %d", ErrAnswer, len(d.Vector), s.config.Dimensions)
		}
		if !Normalize(v) {
			return nil, fmt.Errorf("%w: a vector of zeros", ErrAnswer)
		}
		vectors[*d.Index] = v
	}
	return vectors, nil
}
