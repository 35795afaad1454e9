package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// members checks that data is one JSON object whose members are all of required and any of
// optional, each once, none null, names byte for byte.
//
// encoding/json alone would let the last of two equal names win, match names in any case, keep
// quiet about unknown ones and take null for a missing value. Two parsers that disagree on one
// of these read two different tokens under one signature.
func members(data []byte, required, optional []string) (map[string]json.RawMessage, error) {
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, errors.New("not valid JSON in UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	found := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string)
		if !slices.Contains(required, name) && !slices.Contains(optional, name) {
			return nil, fmt.Errorf("unknown member %.40q", name)
		}
		if _, twice := found[name]; twice {
			return nil, fmt.Errorf("member %q occurs twice", name)
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		if string(value) == "null" {
			return nil, fmt.Errorf("member %q is null", name)
		}
		found[name] = value
	}
	for _, name := range required {
		if _, ok := found[name]; !ok {
			return nil, fmt.Errorf("member %q is missing", name)
		}
	}
	return found, nil
}
