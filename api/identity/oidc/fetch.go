package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// fetchTimeout is how long fetching the keys may take, all requests together.
const fetchTimeout = 5 * time.Second

// source returns a function that fetches the key set from where the configuration says.
func (c Config) source() func(context.Context) (map[string]key, error) {
	client := &http.Client{
		Transport: c.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("redirected; keys are taken from the configured place alone")
		},
	}
	return func(ctx context.Context) (map[string]key, error) {
		ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
		defer cancel()
		place := c.KeysURL
		if c.Discovery {
			var err error
			if place, err = discover(ctx, client, c.Issuer); err != nil {
				return nil, err
			}
		}
		var data []byte
		var err error
		if c.KeysFile != "" {
			data, err = readFile(c.KeysFile)
		} else {
			data, err = get(ctx, client, place)
		}
		if err != nil {
			return nil, err
		}
		return parseKeys(data)
	}
}

// discover returns where the issuer says that its keys are. The document must say that it is
// of this very issuer: on a host of several tenants it could be another's.
func discover(ctx context.Context, client *http.Client, issuer string) (string, error) {
	data, err := get(ctx, client, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return "", err
	}
	document, err := Object(data)
	if err != nil {
		return "", fmt.Errorf("the discovery document: %w", err)
	}
	if found, err := text(document, "issuer"); err != nil || found != issuer {
		return "", fmt.Errorf("the discovery document is of the issuer %.200q", found)
	}
	place, err := text(document, "jwks_uri")
	if err != nil {
		return "", err
	}
	if err := checkURL(place); err != nil {
		return "", fmt.Errorf("jwks_uri: %w", err)
	}
	from, _ := url.Parse(issuer) // checked when the configuration was read
	if to, _ := url.Parse(place); to.Scheme != from.Scheme {
		return "", errors.New("jwks_uri: not as protected as the issuer")
	}
	return place, nil
}

func get(ctx context.Context, client *http.Client, place string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, place, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", place, resp.Status)
	}
	return readAll(resp.Body)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f)
}

func readAll(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSetBytes+1))
	if err == nil && len(data) > maxSetBytes {
		err = fmt.Errorf("longer than %d bytes", maxSetBytes)
	}
	return data, err
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
