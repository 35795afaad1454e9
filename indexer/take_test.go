package indexer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/muniment/muniment/catalog"
)

// big is a text of which two are more than a commit takes in.
var big = strings.Repeat("x", commitBytes/2+1)

// anyJob draws a job about one of a few documents, containers or groups.
func anyJob(t *rapid.T) *job {
	id := catalog.DocumentID{Source: "s", ID: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id")}
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		return &job{mutation: catalog.PutAccess{Document: id}}
	case 1:
		return &job{mutation: catalog.DeleteDocument{Document: id}}
	case 2:
		return &job{mutation: catalog.PutContainer{Container: catalog.Container{DocumentID: id}}}
	case 3:
		return &job{mutation: catalog.PutGroup{Group: "group:a"}}
	}
	put := catalog.PutDocument{Document: catalog.Document{DocumentID: id}}
	put.Passages = make([]catalog.Passage, rapid.SampledFrom([]int{1, 10, 400, commitPassages, 3 * commitPassages}).Draw(t, "passages"))
	put.Text = rapid.SampledFrom([]string{"", big}).Draw(t, "text")
	return &job{mutation: put}
}

// about is the document a job is about, "" if none.
func about(j *job) string {
	id, _ := subject(j.mutation)
	return id.ID
}

// access reports whether the job changes the access of one document.
func access(j *job) bool {
	_, ok := j.mutation.(catalog.PutAccess)
	return ok
}

// Jobs come out in groups as large as a commit takes, each job once and in the order of
// its document. Only changes of access overtake, and only content of other documents.
func TestTake(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var submitted, taken, waiting []*job
		for rounds := rapid.IntRange(1, 6).Draw(t, "rounds"); rounds > 0 || len(waiting) > 0; rounds-- {
			if rounds > 0 {
				for range rapid.IntRange(1, 12).Draw(t, "jobs") {
					j := anyJob(t)
					submitted, waiting = append(submitted, j), append(waiting, j)
				}
			}
			before := slices.Clone(waiting)
			group, rest := take(waiting)
			checkSize(t, group)
			checkOvertaking(t, before, slices.Concat(group, rest))
			taken, waiting = append(taken, group...), rest
		}
		if len(taken) != len(submitted) {
			t.Fatalf("%d jobs submitted, %d taken", len(submitted), len(taken))
		}
		for _, key := range []string{"", "a", "b", "c"} {
			sameOrder(t, "jobs about groups, containers and "+key, submitted, taken, func(j *job) bool { return about(j) == key || about(j) == "" })
		}
		sameOrder(t, "jobs that overtake nothing", submitted, taken, func(j *job) bool { return !access(j) })
	})
}

func checkSize(t *rapid.T, group []*job) {
	passages, bytes := 0, 0
	for _, j := range group {
		if put, ok := j.mutation.(catalog.PutDocument); ok {
			passages, bytes = passages+len(put.Passages), bytes+len(put.Text)
		}
	}
	if len(group) == 0 || len(group) > 1 && (passages > commitPassages || bytes > commitBytes || len(group) > commitMutations) {
		t.Fatalf("a group of %d jobs has %d passages and %d bytes", len(group), passages, bytes)
	}
}

// checkOvertaking demands that the changes of access that need not wait come first.
func checkOvertaking(t *rapid.T, before, after []*job) {
	free := 0
	for i, j := range before {
		if about(j) == "" {
			break // a group or container: nothing overtakes it
		}
		waits := slices.ContainsFunc(before[:i], func(k *job) bool { return !access(k) && about(k) == about(j) })
		if !access(j) || waits {
			continue
		}
		if after[free] != j {
			t.Fatalf("%T waits behind content of other documents", j.mutation)
		}
		free++
	}
}

func sameOrder(t *rapid.T, what string, submitted, taken []*job, keep func(*job) bool) {
	filter := func(list []*job) (kept []*job) {
		for _, j := range list {
			if keep(j) {
				kept = append(kept, j)
			}
		}
		return kept
	}
	if a, b := filter(submitted), filter(taken); !slices.Equal(a, b) {
		t.Fatalf("%s were submitted as %v and taken as %v", what, names(submitted, a), names(submitted, b))
	}
}

func names(all, list []*job) (out []string) {
	for _, j := range list {
		out = append(out, fmt.Sprintf("%d:%T", slices.Index(all, j), j.mutation))
	}
	return out
}

// A group has at most as many mutations as one commit takes, and what is left comes next.
func TestTakeBoundsMutations(t *testing.T) {
	var waiting []*job
	for range 2*commitMutations + 1 {
		waiting = append(waiting, &job{mutation: catalog.PutGroup{}})
	}
	var sizes []int
	for len(waiting) > 0 {
		var group []*job
		group, waiting = take(waiting)
		sizes = append(sizes, len(group))
	}
	if !slices.Equal(sizes, []int{commitMutations, commitMutations, 1}) {
		t.Errorf("groups of %v", sizes)
	}
}
