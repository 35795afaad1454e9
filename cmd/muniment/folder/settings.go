package folder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	pb "github.com/muniment/muniment/proto/muniment/v1"
)

// SettingsFile is the name of the file that says what holds for a folder and what lies
// below it.
const SettingsFile = ".muniment.yaml"

// settings is one .muniment.yaml.
type settings struct {
	policy   *pb.Policy // of the folder's container
	defaults defaults
	ignore   []string
}

// defaults is what holds for documents that say nothing themselves.
type defaults struct {
	owner          string
	sensitivity    string
	reviewInterval string
	retentionClass string
	labels         map[string]string
	changed        time.Time // when a file that says any of this, but for sensitivity, last changed
}

// settingsKeys are the keys of a .muniment.yaml.
var settingsKeys = map[string]func(*settings, any) error{
	"policy": func(s *settings, v any) (err error) {
		s.policy, err = policyOf(v)
		return err
	},
	"readers": func(s *settings, v any) (err error) {
		s.policy, err = readersOf(v)
		return err
	},
	"owner": func(s *settings, v any) (err error) {
		s.defaults.owner, err = principalOf(v)
		return err
	},
	"sensitivity": func(s *settings, v any) (err error) {
		s.defaults.sensitivity, err = shortText(v)
		return err
	},
	"review_interval": func(s *settings, v any) (err error) {
		if s.defaults.reviewInterval, err = shortText(v); err == nil {
			_, err = parseInterval(s.defaults.reviewInterval, time.Time{})
		}
		return err
	},
	"retention_class": func(s *settings, v any) (err error) {
		s.defaults.retentionClass, err = shortText(v)
		return err
	},
	"labels": func(s *settings, v any) (err error) {
		if _, ok := v.(map[string]any); !ok {
			return errors.New("is no mapping of names to values")
		}
		s.defaults.labels, err = labelsOf(v)
		return err
	},
	"ignore": func(s *settings, v any) error {
		list, ok := v.([]any)
		if !ok {
			return errors.New("is no list of patterns")
		}
		for _, one := range list {
			text, ok := one.(string)
			if _, means := parsePattern(text); !ok || !means {
				return fmt.Errorf("%v is no pattern", one)
			}
			s.ignore = append(s.ignore, text)
		}
		return nil
	},
}

// parseSettings reads a .muniment.yaml. What it does not understand is an error that names
// the key: a folder whose policy was misspelt must not be served under another.
func parseSettings(text []byte, changed time.Time) (s settings, err error) {
	d := yaml.NewDecoder(bytes.NewReader(text))
	var values map[string]any
	if err := d.Decode(&values); err != nil && !errors.Is(err, io.EOF) {
		return s, err
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return s, errors.New("holds more than one YAML document")
	}
	if _, both := values["readers"]; both && values["policy"] != nil {
		return s, errors.New("readers: is a short form of policy; give one of them")
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		set, known := settingsKeys[key]
		if !known {
			return s, fmt.Errorf("%s: unknown key; the keys are %s", key, strings.Join(slices.Sorted(maps.Keys(settingsKeys)), ", "))
		}
		if err := set(&s, values[key]); err != nil {
			return s, fmt.Errorf("%s: %w", key, err)
		}
	}
	if d := s.defaults; d.owner != "" || d.reviewInterval != "" || d.retentionClass != "" || len(d.labels) > 0 {
		s.defaults.changed = changed
	}
	return s, nil
}

// below returns what holds in a folder with settings s of its own, given what holds around it.
func (d defaults) below(s settings) defaults {
	own := s.defaults
	out := defaults{
		owner:          first(own.owner, d.owner),
		sensitivity:    first(own.sensitivity, d.sensitivity),
		reviewInterval: first(own.reviewInterval, d.reviewInterval),
		retentionClass: first(own.retentionClass, d.retentionClass),
		labels:         d.labels,
		changed:        latest(own.changed, d.changed),
	}
	if len(own.labels) > 0 {
		out.labels = map[string]string{}
		maps.Copy(out.labels, d.labels)
		maps.Copy(out.labels, own.labels)
	}
	return out
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func latest(times ...time.Time) (t time.Time) {
	for _, one := range times {
		if one.After(t) {
			t = one
		}
	}
	return t
}
