package folder

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/muniment/muniment/acl"
)

// plainText is a value as text of at most so many bytes: words, a number, a date.
func plainText(v any, limit int) (string, error) {
	var text string
	switch v := v.(type) {
	case string:
		text = strings.TrimSpace(v)
	case bool, int, int64, uint64, float64:
		text = fmt.Sprint(v)
	case time.Time:
		text = v.Format(time.RFC3339)
		if v.Equal(v.Truncate(24 * time.Hour)) {
			text = v.Format(time.DateOnly)
		}
	default:
		return "", fmt.Errorf("%v is no text", v)
	}
	switch {
	case text == "":
		return "", errors.New("is empty")
	case len(text) > limit:
		return "", fmt.Errorf("%d bytes, at most %d", len(text), limit)
	case strings.ContainsRune(text, 0) || !utf8.ValidString(text):
		return "", errors.New("holds a character that is none")
	}
	return text, nil
}

// shortText is plainText for names.
func shortText(v any) (string, error) { return plainText(v, 256) }

func principalOf(v any) (string, error) {
	text, err := plainText(v, acl.MaxPrincipalBytes)
	if err != nil {
		return "", err
	}
	if err := acl.Principal(text).Validate(); err != nil {
		return "", fmt.Errorf("%q: %w", text, err)
	}
	return text, nil
}

// labelsOf reads labels: a mapping, a list of names, or names between commas. A name alone
// has the value "true".
func labelsOf(v any) (map[string]string, error) {
	labels := map[string]string{}
	add := func(key string, value any) error {
		k, err := shortText(key)
		if err != nil {
			return fmt.Errorf("%q: %w", key, err)
		}
		if labels[k], err = plainText(value, 4096); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		return nil
	}
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if err := add(key, value); err != nil {
				return nil, err
			}
		}
	case []any:
		for _, one := range v {
			name, err := shortText(one)
			if err != nil {
				return nil, err
			}
			if err := add(name, "true"); err != nil {
				return nil, err
			}
		}
	case string:
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); name != "" {
				if err := add(name, "true"); err != nil {
					return nil, err
				}
			}
		}
	default:
		return nil, fmt.Errorf("%v is neither a mapping nor a list", v)
	}
	return labels, nil
}

// webAddress is an absolute address of the web.
func webAddress(v any) (string, error) {
	text, err := plainText(v, 4096)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return "", fmt.Errorf("%q is no address of the web", text)
	}
	return text, nil
}
