package acl_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/muniment/muniment/acl"
)

func TestPrincipalForms(t *testing.T) {
	name := strings.Repeat("x", acl.MaxPrincipalBytes-len("group:"))
	for p, want := range map[acl.Principal]acl.Kind{
		"user:corp/ada": acl.User, "user:corp/a/b": acl.User, "user:corp//": acl.User, "user:https://id.example/7": acl.User,
		"user:corp/ada@example.org": acl.User, "user:corp/\u0430da": acl.User, "user:corp/\u5c71\u7530": acl.User,
		"group:team": acl.Group, "group:a:b/c": acl.Group, "group:everyone": acl.Group, "group:TEAM": acl.Group,
		"service:chat": acl.Service, "everyone": acl.All,

		"": acl.Invalid, "ada": acl.Invalid, "user": acl.Invalid, "user:": acl.Invalid, "user:corp": acl.Invalid,
		"user:corp/": acl.Invalid, "user:/ada": acl.Invalid, "user:/": acl.Invalid, "group:": acl.Invalid, "service:": acl.Invalid,
		":": acl.Invalid, ":x": acl.Invalid, "role:x": acl.Invalid, "everyone:": acl.Invalid, "everyone:x": acl.Invalid,
		"User:corp/ada": acl.Invalid, "GROUP:team": acl.Invalid, "Everyone": acl.Invalid, "EVERYONE": acl.Invalid,
		"everyone ": acl.Invalid, " everyone": acl.Invalid, " group:a": acl.Invalid, "\uff47roup:a": acl.Invalid,

		"group:a b": acl.Invalid, "group:a ": acl.Invalid, "group:a\t": acl.Invalid, "group:a\n": acl.Invalid, "group:a\x00": acl.Invalid,
		"group:a\x7f": acl.Invalid, "group:a\u0085": acl.Invalid, "group:a\u00a0": acl.Invalid, "group:a\u3000": acl.Invalid,
		"group:a\u2028": acl.Invalid, "group:a\u200b": acl.Invalid, "group:a\u200d": acl.Invalid, "group:a\u2060": acl.Invalid,
		"group:a\ufeff": acl.Invalid, "group:a\u00ad": acl.Invalid, "group:a\u202e": acl.Invalid, "group:a\u2066": acl.Invalid,
		"group:a\U000e0041": acl.Invalid, "user:co\u200brp/ada": acl.Invalid, "user:corp/\u202eada": acl.Invalid,
		"group:\xff": acl.Invalid, "group:\xc0\xaf": acl.Invalid, "group:\xed\xa0\x80": acl.Invalid, "group:\ufffd": acl.Invalid,

		acl.Principal("group:" + name):                            acl.Group,   // 512 bytes
		acl.Principal("group:" + name + "x"):                      acl.Invalid, // 513
		acl.Principal("group:" + name[:len(name)-2] + "\u00e8"):   acl.Group,   // 512 bytes, 511 characters
		acl.Principal("group:" + name[:len(name)-1] + "\u00e8"):   acl.Invalid, // 513 bytes, 512 characters
		acl.Principal("user:" + strings.Repeat("x", 1<<20) + "/"): acl.Invalid,
	} {
		if got := p.Kind(); got != want {
			t.Errorf("%.40q is of kind %d, want %d", p, got, want)
		}
		if err := p.Validate(); (err == nil) != (want != acl.Invalid) {
			t.Errorf("%.40q: Validate says %v", p, err)
		} else if err != nil && (err.Error() == "" || len(err.Error()) > 200) {
			t.Errorf("%.40q: the error %.300q is empty or repeats the input", p, err)
		}
	}
}

// Names that look alike or fold to one another are different principals, in groups as in
// grants.
func TestLookAlikesDiffer(t *testing.T) {
	alike := []acl.Principal{
		"user:corp/kim", "user:corp/Kim", "user:corp/KIM", "user:corp/\u212aim", "user:Corp/kim", "user:corp/k\u0456m",
		"user:corp/\uff4bim", "user:corp/ki\u0307m", "user:corp/kim/", "user:corp2/kim", "user:corp/kim@corp",
	}
	var changes []acl.Change
	for i, p := range alike {
		changes = append(changes, acl.Change{Group: group(i), Members: []acl.Principal{p}})
	}
	d := new(acl.Directory).With(changes...)
	for i, p := range alike {
		v := viewOf(t, d, anyone(p), noon)
		for j, q := range alike {
			if is(v, q) != (i == j) || is(v, group(j)) != (i == j) {
				t.Errorf("%q and %q are taken for each other, or %q is not itself", p, q, p)
			}
		}
	}
}

func FuzzPrincipalValidate(f *testing.F) {
	for _, p := range []string{"everyone", "user:corp/ada", "group:a b", "service:\x00", "user:/x", "group:\xff", "group:a\u200d", strings.Repeat("group:", 90)} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p := acl.Principal(s)
		err := p.Validate()
		if (err == nil) != (p.Kind() != acl.Invalid) {
			t.Fatalf("Validate says %v of a principal of kind %d", err, p.Kind())
		}
		if err != nil {
			if strings.Contains(err.Error(), "\x00") || !utf8.ValidString(err.Error()) {
				t.Fatalf("the error cannot be shown: %q", err)
			}
			return
		}
		if len(s) > acl.MaxPrincipalBytes || !utf8.ValidString(s) {
			t.Fatal("accepted: too long or not UTF-8")
		}
		if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) }) {
			t.Fatal("accepted: a character that nobody can see")
		}
		if (p.Kind() == acl.All) != (p == acl.Everyone) {
			t.Fatalf("kind %d", p.Kind())
		}
		prefix, rest, _ := strings.Cut(s, ":")
		issuer, subject, slash := strings.Cut(rest, "/")
		switch want := map[string]acl.Kind{"user": acl.User, "group": acl.Group, "service": acl.Service, "everyone": acl.All}[prefix]; {
		case p.Kind() != want:
			t.Fatalf("kind %d, want %d", p.Kind(), want)
		case p.Kind() == acl.User && (!slash || issuer == "" || subject == ""):
			t.Fatal("accepted: a user without issuer or subject")
		}
	})
}
