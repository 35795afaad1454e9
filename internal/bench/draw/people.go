package draw

import (
	"fmt"
	"math"
	"slices"
)

// Caller is somebody who asks.
type Caller struct {
	Member []int  // groups the caller is directly in
	Groups []int  // all groups the caller is in, however deep, sorted
	Reads  []bool // by policy: whether it allows one of them
	Sees   int    // passages
	Share  float64
}

// Shares are the four parts that callers are divided in, by the share of the passages they see: up to
// each bound. There are as many callers in each.
var Shares = [4]struct {
	Name  string
	Least float64
	Most  float64
}{{"< 1 %", 0.001, 0.01}, {"1–10 %", 0.01, 0.1}, {"10–50 %", 0.1, 0.5}, {"> 50 %", 0.5, 0.9}}

// Part is the place in Shares of a caller.
func (c Caller) Part() int {
	for i, s := range Shares[:3] {
		if c.Share < s.Most {
			return i
		}
	}
	return 3
}

const (
	roots     = 16
	wideRoots = 8 // named by most policies: divisions; the others are projects and guests
	fewest    = 5 // groups of a caller
	most      = 60
)

// drawGroups draws a forest of four levels; a child's members are its parent's too.
func (d *Data) drawGroups() {
	r := d.random(groupStage, 0)
	ends := []int{roots, roots + d.Groups/20, roots + d.Groups/20 + d.Groups*3/10, d.Groups}
	d.Parents = make([]int, d.Groups)
	begin, above := 0, 0
	for _, end := range ends {
		for g := begin; g < end; g++ {
			if d.Parents[g] = -1; begin > 0 {
				d.Parents[g] = above + r.IntN(begin-above)
			}
		}
		begin, above = end, begin
	}
}

// drawPolicies draws distinct policies. Nine in ten name a division; each names one to ten groups more,
// few of which are named often.
func (d *Data) drawPolicies() {
	r := d.random(groupStage, 1)
	divisions := newHeavy(wideRoots, 0.7)
	others := r.Perm(d.Groups - roots)
	seen := map[string]bool{}
	for len(d.Policies) < d.Params.Policies {
		var groups []int
		if r.Float64() < 0.92 {
			groups = append(groups, divisions.draw(r))
		}
		more := 1
		switch x := r.Float64(); {
		case x < 0.05:
			more += 1 + r.IntN(9)
		case x < 0.3:
			more++
		}
		for range more {
			groups = append(groups, roots+others[zipf(r, len(others))])
		}
		slices.Sort(groups)
		groups = slices.Compact(groups)
		if key := fmt.Sprint(groups); !seen[key] {
			seen[key] = true
			d.Policies = append(d.Policies, groups)
		}
	}
}

// drawCallers draws for each caller a share to see and a number of groups, and lets the caller join
// groups as long as they bring it nearer to both.
func (d *Data) drawCallers() error {
	named := make([][]int, d.Groups) // policies by the groups they name
	for p, groups := range d.Policies {
		for _, g := range groups {
			named[g] = append(named[g], p)
		}
	}
	d.Callers = make([]Caller, d.Params.Callers)
	parallel(len(d.Callers), func(i int) {
		r := d.random(callerStage, i)
		part := Shares[i%len(Shares)]
		for range 200 {
			aim := part.Least * math.Pow(part.Most/part.Least, r.Float64())
			want := fewest + r.IntN(most-fewest+1)
			j := joining{Data: d, Caller: Caller{Reads: make([]bool, len(d.Policies))}, named: named, in: make([]bool, d.Groups), seen: make([]int, len(d.Policies))}
			for range 3000 {
				g := roots + r.IntN(d.Groups-roots)
				if part.Least >= 0.1 && r.IntN(4) == 0 {
					g = r.IntN(wideRoots)
				}
				j.join(g, int(1.1*aim*float64(d.Passages)))
				if len(j.Caller.Groups) >= want && float64(j.Sees) > 0.9*aim*float64(d.Passages) {
					break
				}
			}
			c := j.Caller
			c.Share = float64(c.Sees) / float64(d.Passages)
			if len(c.Groups) >= fewest && c.Share >= part.Least && c.Share < part.Most {
				slices.Sort(c.Groups)
				d.Callers[i] = c
				return
			}
		}
	})
	for i, c := range d.Callers {
		if c.Groups == nil {
			return fmt.Errorf("drawing callers: no way was found to see %s of %d passages by %d to %d groups", Shares[i%len(Shares)].Name, d.Passages, fewest, most)
		}
	}
	return nil
}

// joining is a caller on the way to what it shall see.
type joining struct {
	*Data
	Caller
	named [][]int // policies by the groups they name
	in    []bool  // by group
	seen  []int   // by policy: the last try that counted it
	try   int
}

// join lets the caller join the group, and with it all above, unless that is too many groups or lets
// the caller see more than that many passages.
func (j *joining) join(g, atMost int) {
	j.try++
	var more []int
	for up := g; up >= 0 && !j.in[up]; up = j.Parents[up] {
		more = append(more, up)
	}
	if len(more) == 0 || len(j.Caller.Groups)+len(more) > most {
		return
	}
	sees := j.Sees
	for _, g := range more {
		for _, p := range j.named[g] {
			if !j.Reads[p] && j.seen[p] != j.try {
				j.seen[p] = j.try
				sees += j.byPolicy[p]
			}
		}
		if sees > atMost {
			return
		}
	}
	j.Sees, j.Member, j.Caller.Groups = sees, append(j.Member, g), append(j.Caller.Groups, more...)
	for _, g := range more {
		j.in[g] = true
		for _, p := range j.named[g] {
			j.Reads[p] = true
		}
	}
}
