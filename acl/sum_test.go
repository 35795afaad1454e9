package acl

import (
	"testing"
	"time"
)

// TestAccessDigest changes each thing that decides, one at a time: the digest changes with it,
// and with nothing else.
func TestAccessDigest(t *testing.T) {
	at := time.Date(2026, 10, 9, 8, 0, 0, 0, time.UTC)
	base := func() Access {
		return Access{
			Chain: []*Policy{
				{Layers: []Layer{{Allow: []Grant{{Principal: "group:a", NotAfter: at}}, Deny: []Grant{{Principal: "user:x/b"}}}}},
				nil,
				{Inherit: Extend, Layers: []Layer{{Allow: []Grant{{Principal: Everyone}}}}},
			},
			Source: "handbook", Sensitivity: "internal",
		}
	}
	want := base().Digest()
	elsewhere := base()
	elsewhere.Chain[0].Layers[0].Allow[0].NotAfter = at.In(time.FixedZone("elsewhere", 3600))
	if elsewhere.Digest() != want {
		t.Error("the digest depends on how an instant is written")
	}
	seen := map[[32]byte]string{want: "nothing"}
	for what, edit := range map[string]func(a *Access){
		"source":            func(a *Access) { a.Source = "wiki" },
		"label":             func(a *Access) { a.Sensitivity = "public" },
		"dangling":          func(a *Access) { a.Dangling = true },
		"a shorter chain":   func(a *Access) { a.Chain = a.Chain[:2] },
		"no own policy":     func(a *Access) { a.Chain[0] = nil },
		"an empty policy":   func(a *Access) { a.Chain[1] = &Policy{} },
		"inherit":           func(a *Access) { a.Chain[2].Inherit = Replace },
		"another principal": func(a *Access) { a.Chain[0].Layers[0].Allow[0].Principal = "group:b" },
		"an open end":       func(a *Access) { a.Chain[0].Layers[0].Allow[0].NotAfter = time.Time{} },
		"a beginning":       func(a *Access) { a.Chain[0].Layers[0].Allow[0].NotBefore = at },
		"allowed, not denied": func(a *Access) {
			l := &a.Chain[0].Layers[0]
			l.Allow, l.Deny = append(l.Allow, l.Deny...), nil
		},
		"another layer": func(a *Access) { a.Chain[2].Layers = append(a.Chain[2].Layers, Layer{}) },
		"the layers the other way": func(a *Access) {
			a.Chain[0], a.Chain[2] = a.Chain[2], a.Chain[0]
		},
	} {
		a := base()
		edit(&a)
		d := a.Digest()
		if other, double := seen[d]; double {
			t.Errorf("%s and %s have one digest", what, other)
		}
		seen[d] = what
	}
}
