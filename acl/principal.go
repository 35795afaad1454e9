package acl

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxPrincipalBytes is the longest principal accepted.
const MaxPrincipalBytes = 512

// Principal names who may be granted something: "user:<issuer name>/<subject>",
// "group:<name>", "service:<name>" or "everyone". Principals are compared byte for byte;
// nothing is ever folded.
type Principal string

// Everyone is any verified end user, known to the directory or not; not services and not
// users marked as guests.
const Everyone Principal = "everyone"

// Kind is the sort of a principal.
type Kind uint8

// The kinds; Invalid is the zero value.
const (
	Invalid Kind = iota
	User
	Group
	Service
	All // only Everyone
)

// Kind returns the sort of p, Invalid if it is not well formed.
func (p Principal) Kind() Kind {
	if p.Validate() != nil {
		return Invalid
	}
	switch prefix, _, _ := strings.Cut(string(p), ":"); prefix {
	case "user":
		return User
	case "group":
		return Group
	case "service":
		return Service
	default:
		return All
	}
}

// invisible are the characters that show nothing and so could tell two names apart that
// look the same: formats, fillers, variation selectors and the blank Braille pattern.
var invisible = []*unicode.RangeTable{
	unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector,
	{R16: []unicode.Range16{{Lo: 0x2800, Hi: 0x2800, Stride: 1}}},
}

var errForm = errors.New(`not "user:<issuer>/<subject>", "group:<name>", "service:<name>" or "everyone"`)

// Validate reports what is wrong with the principal's form. Names with control, format or
// white space characters are refused: two names that look alike must not differ by a
// character nobody can see.
func (p Principal) Validate() error {
	switch {
	case p == Everyone:
		return nil
	case p == "":
		return errors.New("missing principal")
	case len(p) > MaxPrincipalBytes:
		return fmt.Errorf("%d bytes, at most %d", len(p), MaxPrincipalBytes)
	case !utf8.ValidString(string(p)):
		return errors.New("not valid UTF-8")
	}
	prefix, name, found := strings.Cut(string(p), ":")
	if !found || name == "" {
		return errForm
	}
	switch prefix {
	case "group", "service":
	case "user":
		if issuer, subject, ok := strings.Cut(name, "/"); !ok || issuer == "" || subject == "" {
			return errForm
		}
	default:
		return errForm
	}
	for _, r := range name {
		if unicode.IsControl(r) || unicode.IsSpace(r) || r == utf8.RuneError || unicode.In(r, invisible...) {
			return fmt.Errorf("character %U is not allowed in a principal", r)
		}
	}
	return nil
}
