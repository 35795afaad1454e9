package acl_test

import (
	"fmt"
	"testing"

	"github.com/muniment/muniment/acl"
)

func BenchmarkView(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprint(n, "groups"), func(b *testing.B) {
			d, id := new(acl.Directory).With(spread(n)...), anyone(ada)
			b.ReportAllocs()
			for b.Loop() {
				viewOf(b, d, id, noon)
			}
		})
	}
}

// A caller in 20 groups asks for a document two containers deep. The policies name many
// groups, as those of file shares do, and the caller's comes last.
func BenchmarkAdmits(b *testing.B) {
	v := viewOf(b, new(acl.Directory).With(spread(20)...), anyone(ada), noon)
	for _, entries := range []int{3, 30, 300} {
		var l acl.Layer
		for i := range entries {
			l.Allow = append(l.Allow, acl.Grant{Principal: group(1000 + i)})
		}
		l.Allow[entries-1].Principal = group(19)
		l.Deny = []acl.Grant{{Principal: eve}}
		p := &acl.Policy{Layers: []acl.Layer{l}}
		a := acl.Access{Chain: []*acl.Policy{nil, p, p}, Source: "hr", Sensitivity: "internal"}
		b.Run(fmt.Sprint(entries, "entries"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !v.Admits(a) {
					b.Fatal("not admitted")
				}
			}
		})
	}
}

// One group of a thousand members changes in a directory of 10,000 people.
func BenchmarkWith(b *testing.B) {
	var changes []acl.Change
	for g := range 1000 {
		c := acl.Change{Group: group(g)}
		for m := range 100 {
			c.Members = append(c.Members, acl.Principal(fmt.Sprintf("user:corp/%d", (g*31+m*97)%10_000)))
		}
		changes = append(changes, c)
	}
	d := new(acl.Directory).With(changes...)
	change := acl.Change{Group: group(1)}
	for m := range 1000 {
		change.Members = append(change.Members, acl.Principal(fmt.Sprintf("user:corp/%d", m)))
	}
	b.ReportAllocs()
	for b.Loop() {
		d.With(change)
	}
}
