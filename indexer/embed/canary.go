package embed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// canaries are texts whose vectors are known from the first time that a model was used.
// They go along with what is to be embedded, and come back changed if another model
// answers, or if vectors were swapped or belong to another request. They are alike in
// nothing, so that no two of them are near each other.
var canaries = [...]string{
	"Seven grey herons stood in the flooded meadow until the tractor came.",
	"Please send the signed invoice for 4,310 euros to the accounts department by Friday.",
	"La recette demande deux œufs, une pincée de sel et un verre de lait tiède.",
	"func main() { fmt.Println(strings.Repeat(\"=\", 72)) }",
	"Die Bremsen der Lokomotive wurden im März vollständig überholt.",
	"Photosynthesis turns light, water and carbon dioxide into sugar and oxygen.",
	"会議は午後三時に二階の小さな部屋で始まります。",
	"His opening with the queen's bishop surprised everyone at the chess club.",
}

// canariesVersion changes with the texts.
const canariesVersion = 1

const (
	same    = 0.999 // cosine of two vectors of one text; a model on other hardware differs a little
	another = 0.99  // cosine that vectors of two canaries stay below
)

// ErrForeign says that vectors are not those of the model that was used first, or not in
// the order of their texts.
var ErrForeign = errors.New("embed: the vectors are not those of the model that was recorded")

// reference is what the canaries' vectors were when a space was first used.
type reference struct {
	Space    string
	Canaries int
	Recorded time.Time
	Vectors  [][]float32
}

// loadReference reads a reference; nil if there is none yet.
func loadReference(file string, s Space) (*reference, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r reference
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", file, err)
	}
	if r.Space != s.ID || r.Canaries != canariesVersion || len(r.Vectors) != len(canaries) {
		return nil, fmt.Errorf("%s is not of the space %q, or of another version of the program", file, s.ID)
	}
	for _, v := range r.Vectors {
		if len(v) != s.Dimensions || !Normalize(v) {
			return nil, fmt.Errorf("%s is damaged: a vector is not one of the space", file)
		}
	}
	return &r, nil
}

// save writes the reference durably, wholly or not at all.
func (r *reference) save(file string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "new-*") // readable by its owner alone
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), file); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// learned makes a reference of the canaries' vectors, asked for together and one by one:
// alone, a vector cannot be another text's.
func learned(s Space, together, alone [][]float32) (*reference, error) {
	for i, v := range together {
		for _, other := range together[:i] {
			if cosine(v, other) >= another {
				return nil, errConstant
			}
		}
		if cosine(v, alone[i]) < same {
			return nil, fmt.Errorf("%w: another vector for the same text, or vectors in another order than their texts", ErrAnswer)
		}
	}
	return &reference{Space: s.ID, Canaries: canariesVersion, Recorded: time.Now().UTC().Truncate(time.Second), Vectors: together}, nil
}

var errConstant = fmt.Errorf("%w: the same vector for different texts", ErrAnswer)

// escort is a request with two canaries among the texts, each at a random place.
//
// One canary at a known place would not do: a server that sends the vectors of an earlier
// request would have it right. That both the canaries and their places are the same as in
// another request of as many texts is unlikely (one in 336 for a single text), and two of
// them notice every answer in reverse order.
type escort struct {
	texts  []string
	places [2]int // in texts
	which  [2]int // of canaries
}

func accompany(texts []string) escort {
	n := len(texts) + 2
	e := escort{places: apart(n), which: apart(len(canaries))}
	e.texts = make([]string, 0, n)
	for i := range n {
		switch {
		case i == e.places[0]:
			e.texts = append(e.texts, canaries[e.which[0]])
		case i == e.places[1]:
			e.texts = append(e.texts, canaries[e.which[1]])
		default:
			e.texts, texts = append(e.texts, texts[0]), texts[1:]
		}
	}
	return e
}

// apart is two different random numbers below n.
func apart(n int) [2]int {
	a, b := rand.IntN(n), rand.IntN(n-1)
	if b >= a {
		b++
	}
	return [2]int{a, b}
}

// dismiss checks the canaries' vectors and returns the others.
func (e escort) dismiss(vectors [][]float32, r *reference) ([][]float32, error) {
	if cosine(vectors[e.places[0]], vectors[e.places[1]]) >= another {
		return nil, errConstant
	}
	for i, at := range e.places {
		if cosine(vectors[at], r.Vectors[e.which[i]]) < same {
			return nil, ErrForeign
		}
	}
	rest := make([][]float32, 0, len(vectors)-2)
	differ, equal := map[string]bool{}, true
	for i, v := range vectors {
		if i != e.places[0] && i != e.places[1] {
			rest = append(rest, v)
			differ[strings.ToLower(e.texts[i])] = true
			equal = equal && slices.Equal(v, rest[0])
		}
	}
	// Two texts may have one vector: models do not see every difference.
	if equal && len(differ) > 3 {
		return nil, errConstant
	}
	return rest, nil
}

// cosine is that of two vectors of unit length and one size.
func cosine(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
