// Package draw draws the data set of the benchmark: passages with words and vectors, policies over
// nested groups, callers, and queries. It is pure: the same parameters give the same data set on
// every machine, down to the last bit of the words and of who may read what.
//
// The shape, in short: 60 topics and 2,000 clusters; a passage is its cluster's centre with noise in
// a subspace that it shares with other clusters; its words are drawn from a Zipf vocabulary, three
// in ten from its cluster's own words. Three documents in five have one of six policies tied to
// their cluster, so that permission and subject go together as they do in real organisations.
package draw

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
)

// Dimensions is the length of every vector.
const Dimensions = 384

// Params are the sizes of a data set.
type Params struct {
	Passages int
	Policies int
	Groups   int
	Callers  int // each asks one query
	Clusters int
	Seed     uint64
}

// Sized returns the parameters for a number of passages: those that docs/performance.md speaks of,
// or fewer policies, groups, callers and clusters where there are too few passages for so many.
func Sized(passages int) Params {
	p := Params{Passages: passages, Policies: 5000, Groups: 2000, Callers: 1000, Clusters: 2000, Seed: 1}
	for _, size := range []*int{&p.Policies, &p.Groups, &p.Callers, &p.Clusters} {
		if passages < 100_000 {
			*size = max(*size*passages/100_000, 120)
		}
	}
	return p
}

// Document is one document: a run of passages under one policy.
type Document struct {
	First, Count int // passages
	Policy       int
	Cluster      int
}

// Data is a data set.
type Data struct {
	Params
	Documents []Document
	Of        []int32   // the document of each passage
	Vectors   []float32 // of unit length, passage after passage
	Parents   []int     // of each group; -1 for a root
	Policies  [][]int   // the groups that each policy allows, in order
	Callers   []Caller
	Queries   []Query

	starts   []int32  // where the words of each passage begin
	words    []uint16 // by their rank in the vocabulary
	byPolicy []int    // passages
}

// stages give every part of the drawing random numbers of its own, so that a change to one part
// leaves the others as they were.
const (
	documentStage = iota + 1
	passageStage
	clusterStage
	groupStage
	callerStage
	queryStage
)

func (p Params) random(stage, part int) *rand.Rand {
	return rand.New(rand.NewPCG(p.Seed<<8|uint64(stage), uint64(part)))
}

// zipf draws a rank below n, the r-th about 1/r as often as the first.
func zipf(r *rand.Rand, n int) int { return int(math.Exp(r.Float64()*math.Log(float64(n+1)))) - 1 }

// Draw draws a data set. The error is that there are too few passages, policies or groups for callers who see as
// little, or as much, as they are meant to.
func Draw(p Params) (*Data, error) {
	d := &Data{Params: p}
	d.drawDocuments()
	d.drawPassages()
	d.drawGroups()
	d.drawPolicies()
	if err := d.drawCallers(); err != nil {
		return nil, err
	}
	d.drawQueries()
	return d, nil
}

// drawDocuments draws documents of one to nine passages, five on average.
func (d *Data) drawDocuments() {
	r := d.random(documentStage, 0)
	tied := make([][6]int, d.Clusters)
	for c := range tied {
		for i := range tied[c] {
			tied[c][i] = r.IntN(d.Params.Policies)
		}
	}
	heavy := newHeavy(d.Params.Policies, 0.8)
	d.Of = make([]int32, 0, d.Passages)
	d.starts = append(make([]int32, 0, d.Passages+1), 0)
	d.byPolicy = make([]int, d.Params.Policies)
	for len(d.Of) < d.Passages {
		doc := Document{First: len(d.Of), Count: min(1+r.IntN(9), d.Passages-len(d.Of)), Cluster: r.IntN(d.Clusters)}
		if doc.Policy = heavy.draw(r); r.Float64() < 0.6 {
			doc.Policy = tied[doc.Cluster][r.IntN(6)]
		}
		for range doc.Count {
			d.Of = append(d.Of, int32(len(d.Documents)))
			d.starts = append(d.starts, d.starts[len(d.starts)-1]+int32(60+r.IntN(61)))
		}
		d.byPolicy[doc.Policy] += doc.Count
		d.Documents = append(d.Documents, doc)
	}
}

// heavy draws numbers of which the r-th is used 1/r^s as often as the first.
type heavy []float64 // cumulated

func newHeavy(n int, s float64) heavy {
	h, sum := make(heavy, n), 0.0
	for i := range h {
		sum += math.Pow(float64(i+1), -s)
		h[i] = sum
	}
	return h
}

func (h heavy) draw(r *rand.Rand) int {
	at := r.Float64() * h[len(h)-1]
	low, high := 0, len(h)-1
	for low < high {
		if middle := (low + high) / 2; h[middle] < at {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// lot is how many documents one goroutine fills at a time, with random numbers of their own.
const lot = 1000

// drawPassages draws the words and vectors of all documents.
func (d *Data) drawPassages() {
	d.words = make([]uint16, d.starts[d.Passages])
	d.Vectors = make([]float32, d.Passages*Dimensions)
	s := d.drawSpace()
	parallel((len(d.Documents)+lot-1)/lot, func(part int) {
		r := d.random(passageStage, part)
		for _, doc := range d.Documents[part*lot : min((part+1)*lot, len(d.Documents))] {
			for i := doc.First; i < doc.First+doc.Count; i++ {
				d.drawWords(r, doc.Cluster, d.words[d.starts[i]:d.starts[i+1]])
				s.passage(r, doc.Cluster, d.Vector(i))
			}
		}
	})
}

// parallel calls f for each part, on all processors.
func parallel(parts int, f func(part int)) {
	var next, done = make(chan int), sync.WaitGroup{}
	for range runtime.GOMAXPROCS(0) {
		done.Go(func() {
			for part := range next {
				f(part)
			}
		})
	}
	for part := range parts {
		next <- part
	}
	close(next)
	done.Wait()
}

// Vector is the passage's vector.
func (d *Data) Vector(passage int) []float32 {
	return d.Vectors[passage*Dimensions : (passage+1)*Dimensions : (passage+1)*Dimensions]
}

// Policy is the policy that governs the passage.
func (d *Data) Policy(passage int) int { return d.Documents[d.Of[passage]].Policy }

// Readable reports whether the caller may read the passage: one of the caller's groups is among
// those that its policy allows. It is the benchmark's own decision, made from nothing of the product.
func (d *Data) Readable(caller, passage int) bool {
	return d.Callers[caller].Reads[d.Policy(passage)]
}
