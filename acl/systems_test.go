package acl_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/muniment/muniment/acl"
	"github.com/muniment/muniment/acl/reference"
)

// system is one file of testdata/acl.
type system struct {
	System  string
	Callers []string
	Groups  map[string][]string
	At      time.Time
	Cases   []struct {
		Rule, Reference string
		Groups          map[string][]string // in place of the file's
		Policies        []node
		May             []string
		Native          []string
		Narrows         string
	}
}

// node is a policy, or the word none.
type node struct{ policy *acl.Policy }

// UnmarshalYAML reads grants as plain principals or with their times.
func (n *node) UnmarshalYAML(v *yaml.Node) error {
	if v.Kind == yaml.ScalarNode && v.Value == "none" {
		return nil
	}
	type entry struct {
		Principal string
		NotBefore time.Time `yaml:"not_before"`
		NotAfter  time.Time `yaml:"not_after"`
	}
	var p struct {
		Inherit string
		Layers  []struct{ Allow, Deny []yaml.Node }
	}
	if err := v.Decode(&p); err != nil {
		return err
	}
	n.policy = &acl.Policy{Inherit: map[string]acl.Inherit{"extend": acl.Extend, "replace": acl.Replace}[p.Inherit]}
	for _, l := range p.Layers {
		var layer acl.Layer
		for _, list := range []struct {
			from []yaml.Node
			to   *[]acl.Grant
		}{{l.Allow, &layer.Allow}, {l.Deny, &layer.Deny}} {
			for _, g := range list.from {
				e := entry{Principal: g.Value}
				if g.Kind == yaml.MappingNode {
					if err := g.Decode(&e); err != nil {
						return err
					}
				}
				*list.to = append(*list.to, acl.Grant{Principal: acl.Principal(e.Principal), NotBefore: e.NotBefore, NotAfter: e.NotAfter})
			}
		}
		n.policy.Layers = append(n.policy.Layers, layer)
	}
	return n.policy.Validate()
}

// TestRulesOfOtherSystems decides the cases of testdata/acl.
func TestRulesOfOtherSystems(t *testing.T) {
	files, err := filepath.Glob("../testdata/acl/*.yaml")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d files, want the six systems: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var s system
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		if err := d.Decode(&s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if s.At.IsZero() {
			s.At = noon
		}
		for _, c := range s.Cases {
			groups := maps.Clone(s.Groups)
			maps.Copy(groups, c.Groups)
			directory := directoryOf(reference.World{Groups: groups})
			a := acl.Access{Sensitivity: acl.DefaultSensitivity}
			for _, n := range c.Policies {
				a.Chain = append(a.Chain, n.policy)
			}
			var may []string
			for _, who := range s.Callers {
				if viewOf(t, directory, anyone(acl.Principal(who)), s.At).Admits(a) {
					may = append(may, who)
				}
			}
			if !slices.Equal(may, c.May) {
				t.Errorf("%s: %q admits %v, want %v", s.System, c.Rule, may, c.May)
			}
			if c.Rule == "" || !strings.HasPrefix(c.Reference, "https://") {
				t.Errorf("%s: %q has no rule or no reference", s.System, c.Rule)
			}
			if (c.Native != nil) && c.Narrows == "" {
				t.Errorf("%s: %q says that the system admits others, and not why", s.System, c.Rule)
			}
			for _, who := range c.May {
				if c.Native != nil && !slices.Contains(c.Native, who) {
					t.Errorf("%s: %q admits %s, whom the system does not: the model must never widen", s.System, c.Rule, who)
				}
			}
		}
	}
}
