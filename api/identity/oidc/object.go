package oidc

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// maxDepth is how deep objects and lists may nest.
const maxDepth = 32

var errJSON = errors.New("not valid JSON in UTF-8")

// Object returns the members of data, which must be one JSON object in which no member occurs
// twice, at any depth.
//
// encoding/json would let the last of two equal names win. Another parser lets the first one
// win, and the two read two different tokens under one signature.
func Object(data []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errJSON
	}
	if data = bytes.TrimSpace(data); data[0] != '{' {
		return nil, errors.New("not a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // a number that is too large for a float is none of our business here
	if err := distinct(d, 0); err != nil {
		return nil, err
	}
	var found map[string]json.RawMessage
	if err := json.Unmarshal(data, &found); err != nil {
		return nil, errJSON
	}
	return found, nil
}

// distinct reads one value and reports a name that occurs twice in one object of it.
func distinct(d *json.Decoder, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	t, err := d.Token()
	if err != nil {
		return errJSON
	}
	open, ok := t.(json.Delim)
	if !ok {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return errJSON
			}
			text, _ := name.(string)
			if seen[text] {
				return fmt.Errorf("member %.40q occurs twice", text)
			}
			seen[text] = true
		}
		if err := distinct(d, depth+1); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return errJSON
	}
	return nil
}

// text returns a member that is a string, "" if there is none.
func text(object map[string]json.RawMessage, name string) (string, error) {
	raw, ok := object[name]
	if !ok {
		return "", nil
	}
	var s *string
	if err := json.Unmarshal(raw, &s); err != nil || s == nil {
		return "", fmt.Errorf("%s: not a string", name)
	}
	return *s, nil
}
