package oidc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muniment/muniment/api/identity/oidc/oidctest"
	"github.com/muniment/muniment/internal/prove"
)

// timed returns an issuer inside a synctest bubble, whose clock is the bubble's.
func timed(t *testing.T, p *oidctest.Provider, change func(*Config)) *Issuer {
	i, _ := issuerOf(t, p, func(c *Config) {
		c.Now = time.Now
		if change != nil {
			change(c)
		}
	})
	return i
}

// fresh signs a token of this moment with the provider's newest key.
func fresh(p *oidctest.Provider) string {
	return p.Sign(nil, with(with(goodClaims(p.Issuer), "iat", time.Now().Unix()), "exp", time.Now().Add(24*time.Hour).Unix()))
}

// TestUnknownKeysCauseOneFetch (ID-12): 10,000 tokens with key ids nobody has cause one fetch
// in five minutes, and a key that is new is accepted after it.
func TestUnknownKeysCauseOneFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := oidctest.New("https://idp.test")
		i := timed(t, p, nil)
		if _, err := i.Verify(t.Context(), fresh(p)); err != nil || p.Fetches("") != 1 {
			t.Fatalf("the first token: %v after %d fetches", err, p.Fetches(""))
		}
		time.Sleep(time.Minute)
		flood := func() {
			var all sync.WaitGroup
			for n := range 10_000 {
				all.Go(func() {
					token := p.Sign(with(p.Header(), "kid", fmt.Sprint("unknown", n)), goodClaims(p.Issuer))
					if _, err := i.Verify(t.Context(), token); reasonOf(err) != ReasonInvalid {
						t.Errorf("an unknown key: %v", err)
					}
				})
			}
			all.Wait()
		}
		flood()
		if n := p.Fetches(""); n != 2 {
			t.Errorf("10,000 unknown keys: %d fetches in all, want 1 more than the first", n)
		}
		time.Sleep(Interval - time.Second)
		flood()
		if n := p.Fetches(""); n != 2 {
			t.Errorf("less than five minutes later: %d fetches in all, want none more", n)
		}
		// While the flood goes on a key is added; it is there after the next fetch.
		p.Rotate("2", "EdDSA")
		time.Sleep(2 * time.Second)
		if _, err := i.Verify(t.Context(), fresh(p)); err != nil || p.Fetches("") != 3 {
			t.Errorf("a new key: %v after %d fetches", err, p.Fetches(""))
		}
	})
	prove.Report(t, "identity", "10,000 tokens with unknown keys, twice in five minutes: 1 fetch")
}

// TestNewKeyIsFetchedAtOnce (ID-12): without a flood, the first token with a new key finds it.
func TestNewKeyIsFetchedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := oidctest.New("https://idp.test")
		i := timed(t, p, nil)
		i.Verify(t.Context(), fresh(p))
		time.Sleep(time.Second)
		p.Rotate("2", "ES384")
		if _, err := i.Verify(t.Context(), fresh(p)); err != nil || p.Fetches("") != 2 {
			t.Errorf("a second later: %v after %d fetches", err, p.Fetches(""))
		}
	})
}

// TestRemovedKeyIsRefused (ID-13): five minutes after the fetch that last saw it at the latest,
// though tokens come all the time and the issuer is slow to answer.
func TestRemovedKeyIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := oidctest.New("https://idp.test")
		i := timed(t, p, nil)
		token := fresh(p)
		if _, err := i.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		p.Remove("1")
		p.Rotate("2", "ES256")
		p.Instead(func(w http.ResponseWriter, _ *http.Request) { time.Sleep(4 * time.Second); w.Write(p.Set()) })
		removed := time.Now()
		for range 1000 {
			time.Sleep(time.Second)
			_, err := i.Verify(t.Context(), token)
			if over := time.Since(removed); err == nil && over >= Interval {
				t.Fatalf("accepted %v after the key was removed", over)
			} else if err != nil && over < Interval-time.Minute {
				t.Fatalf("refused %v after it was fetched: %v", over, err)
			}
		}
		if _, err := i.Verify(t.Context(), token); reasonOf(err) != ReasonInvalid {
			t.Errorf("at the end: %v", err)
		}
		if _, err := i.Verify(t.Context(), fresh(p)); err != nil {
			t.Errorf("the key that took its place: %v", err)
		}
	})
	prove.Report(t, "identity", "a removed key is refused after %v at most", Interval)
}

// TestOutage (ID-14): whatever the place answers instead of keys, known keys serve for an hour
// since the last good answer, then nobody of the issuer is verified; unknown keys are refused
// all the time, and all is well again soon after the place is.
func TestOutage(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"500":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"HTML": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>down for maintenance</html>") },
		"10 MiB": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, `{"keys":[`+strings.Repeat(" ", 10<<20)+`]}`)
		},
		"slow": func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Minute)
			io.WriteString(w, `{"keys":[]}`)
		},
		"no JWK set": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{}`) },
		"elsewhere": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://evil.test/keys", http.StatusFound)
		},
		"a kid twice": func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"keys":[{"kid":"1","kty":"x"},{"kid":"1","kty":"x"}]}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := oidctest.New("https://idp.test")
				i := timed(t, p, nil)
				token := fresh(p)
				strange := p.Sign(with(p.Header(), "kid", "2"), goodClaims(p.Issuer))
				if _, err := i.Verify(t.Context(), token); err != nil {
					t.Fatal(err)
				}
				down := time.Now()
				p.Instead(answer)
				for time.Since(down) < 90*time.Minute {
					time.Sleep(49 * time.Second)
					serves := time.Since(down) < MaxAge
					_, err := i.Verify(t.Context(), token)
					if since := time.Since(down); serves != (since < MaxAge) {
						continue // the hour ended during the call
					} else if serves != (err == nil) || !serves && !errors.Is(err, ErrUnavailable) {
						t.Fatalf("a known key after %v: %v", since, err)
					}
					_, err = i.Verify(t.Context(), strange)
					if since := time.Since(down); since < MaxAge && reasonOf(err) != ReasonInvalid || since >= MaxAge && !errors.Is(err, ErrUnavailable) && serves == (since < MaxAge) {
						t.Fatalf("an unknown key after %v: %v", since, err)
					}
				}
				p.Instead(nil)
				time.Sleep(retryWithout)
				if _, err := i.Verify(t.Context(), token); err != nil {
					t.Errorf("the place is well again: %v", err)
				}
				if p.Fetches("/elsewhere") > 0 || p.Fetches("") != p.Fetches("/keys") {
					t.Error("something else was asked")
				}
				time.Sleep(time.Minute) // a slow answer ends before the bubble does
			})
		})
	}
}

// TestOutageFromTheStart: without keys nobody is verified, and the place is not asked more
// often than twice a minute.
func TestOutageFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := oidctest.New("https://idp.test")
		p.Instead(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
		i := timed(t, p, nil)
		for range 600 {
			if _, err := i.Verify(t.Context(), fresh(p)); !errors.Is(err, ErrUnavailable) {
				t.Fatalf("without keys: %v", err)
			}
			time.Sleep(time.Second)
		}
		if n := p.Fetches(""); n > 20 {
			t.Errorf("%d fetches in ten minutes", n)
		}
	})
}

// TestCallerNeedNotWait: whoever gives up does so at once, and the fetch goes on for others.
func TestCallerNeedNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := oidctest.New("https://idp.test")
		p.Instead(func(w http.ResponseWriter, _ *http.Request) { time.Sleep(3 * time.Second); w.Write(p.Set()) })
		i := timed(t, p, nil)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := i.Verify(ctx, fresh(p)); !errors.Is(err, ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a call with a deadline: %v", err)
		}
		time.Sleep(3 * time.Second)
		if _, err := i.Verify(t.Context(), fresh(p)); err != nil || p.Fetches("") != 1 {
			t.Errorf("the next call: %v after %d fetches", err, p.Fetches(""))
		}
	})
}

// TestDiscovery: the document must be of this very issuer (ID-10), and its keys as protected.
func TestDiscovery(t *testing.T) {
	p := oidctest.New("https://idp.test/tenant")
	discovering := func(c *Config) { c.KeysURL, c.Discovery = "", true }
	i, _ := issuerOf(t, p, discovering)
	for range 2 { // the second time there is nothing to prepare
		if err := i.Prepare(t.Context()); err != nil || p.Fetches("") != 2 {
			t.Errorf("Prepare: %v after %d requests, want one for the document and one for the keys", err, p.Fetches(""))
		}
	}
	if _, err := i.Verify(t.Context(), p.Sign(nil, goodClaims(p.Issuer))); err != nil {
		t.Error(err)
	}
	for _, document := range []string{
		`{"issuer":"https://idp.test/tenant/","jwks_uri":"https://idp.test/keys"}`,
		`{"issuer":"https://idp.test/other","jwks_uri":"https://idp.test/keys"}`,
		`{"jwks_uri":"https://idp.test/keys"}`,
		`{"issuer":"https://idp.test/tenant"}`,
		`{"issuer":"https://idp.test/tenant","jwks_uri":"http://127.0.0.1/keys"}`,
		`{"issuer":"https://idp.test/tenant","jwks_uri":"file:///keys"}`,
		`{"issuer":"https://idp.test/tenant","issuer":"https://idp.test/tenant","jwks_uri":"https://idp.test/keys"}`,
	} {
		before := p.Fetches("/keys")
		p.Instead(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, document) })
		i, _ := issuerOf(t, p, discovering)
		if err := i.Prepare(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", document, err)
		}
		if p.Fetches("/keys") != before {
			t.Errorf("%s: its keys were fetched", document)
		}
	}
}

// TestOverTheNetwork fetches from a provider on a loopback address, as servers do.
func TestOverTheNetwork(t *testing.T) {
	p := oidctest.New("")
	p.Listen(t)
	i, _ := issuerOf(t, p, func(c *Config) { c.KeysURL, c.Discovery, c.Transport = "", true, nil })
	if _, err := i.Verify(t.Context(), p.Sign(nil, goodClaims(p.Issuer))); err != nil {
		t.Error(err)
	}
}

// TestKeysFromAFile: the file is read again like anything else, and a bad one changes nothing.
func TestKeysFromAFile(t *testing.T) {
	path := t.TempDir() + "/keys.json"
	write := func(data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := oidctest.New("https://idp.test")
	write(p.Set())
	i, now := issuerOf(t, p, func(c *Config) { c.KeysURL, c.KeysFile = "", path })
	old := p.Sign(nil, goodClaims(p.Issuer))
	p.Rotate("2", "ES256")
	p.Remove("1")
	for _, c := range []struct {
		name     string
		data     []byte
		old, new bool
	}{{"half a file", p.Set()[:40], true, false}, {"another set", p.Set(), false, true}} {
		write(c.data)
		*now = now.Add(Interval)
		_, oldErr := i.Verify(t.Context(), old)
		_, newErr := i.Verify(t.Context(), p.Sign(nil, goodClaims(p.Issuer)))
		if (oldErr == nil) != c.old || (newErr == nil) != c.new {
			t.Errorf("%s: the old key %v, the new one %v", c.name, oldErr, newErr)
		}
	}
	if p.Fetches("") != 0 {
		t.Error("something was fetched")
	}
}
