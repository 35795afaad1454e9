package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/catalog"
)

// collection is a test collection: documents, queries, and the grades of documents for
// queries.
type collection struct {
	documents  []evalDocument
	queries    map[string]string
	judgements map[string]map[string]float64
}

type evalDocument struct {
	ID    string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// mutation is the document as an ingestion job would send it, readable by everyone.
func (d evalDocument) mutation() catalog.PutDocument {
	return catalog.PutDocument{
		Document: catalog.Document{DocumentID: catalog.DocumentID{Source: "eval", ID: d.ID}, Version: 1, Title: d.Title},
		Text:     d.Text,
		Access:   catalog.AccessPatch{Policy: &acl.Policy{Layers: []acl.Layer{{Allow: []acl.Grant{{Principal: acl.Everyone}}}}}},
	}
}

// readCollection reads a folder in the layout of BEIR. Queries nobody judged are left out.
func readCollection(dir string) (collection, error) {
	set := collection{queries: map[string]string{}, judgements: map[string]map[string]float64{}}
	err := eachLine(dir, []string{"corpus.jsonl"}, func(line []byte) error {
		var d evalDocument
		if err := json.Unmarshal(line, &d); err != nil {
			return err
		}
		set.documents = append(set.documents, d)
		return nil
	})
	if err != nil {
		return set, err
	}
	err = eachLine(dir, []string{"queries.jsonl"}, func(line []byte) error {
		var q struct {
			ID   string `json:"_id"`
			Text string `json:"text"`
		}
		if err := json.Unmarshal(line, &q); err != nil {
			return err
		}
		set.queries[q.ID] = q.Text
		return nil
	})
	if err != nil {
		return set, err
	}
	return set, eachLine(dir, []string{"qrels.tsv", "qrels/test.tsv"}, func(line []byte) error {
		fields := strings.Split(strings.TrimSpace(string(line)), "\t")
		if fields[0] == "query-id" {
			return nil
		}
		if len(fields) != 3 {
			return fmt.Errorf("%d columns, not query-id, corpus-id and score", len(fields))
		}
		grade, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			return err
		}
		if _, ok := set.queries[fields[0]]; !ok {
			return fmt.Errorf("query %q is not in queries.jsonl", fields[0])
		}
		if set.judgements[fields[0]] == nil {
			set.judgements[fields[0]] = map[string]float64{}
		}
		set.judgements[fields[0]][fields[1]] = grade
		return nil
	})
}

// eachLine reads the first of the named files that is there, .gz or not.
func eachLine(dir string, names []string, f func(line []byte) error) error {
	for _, name := range names {
		for _, file := range []string{filepath.Join(dir, name), filepath.Join(dir, name+".gz")} {
			if !exists(file) {
				continue
			}
			in, err := openFeed(file)
			if err != nil {
				return err
			}
			defer in.Close()
			lines := bufio.NewReaderSize(in, 1<<20)
			for n := 1; ; n++ {
				line, _, readErr := readLine(lines)
				if len(strings.TrimSpace(string(line))) > 0 {
					if err := f(line); err != nil {
						return fmt.Errorf("%s:%d: %w", file, n, err)
					}
				}
				if readErr == io.EOF {
					return nil
				}
				if readErr != nil {
					return fmt.Errorf("%s:%d: %w", file, n, readErr)
				}
			}
		}
	}
	return fmt.Errorf("%s has no %s", dir, strings.Join(names, " or "))
}
