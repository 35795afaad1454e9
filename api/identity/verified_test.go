package identity

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/muniment/muniment/api/identity/oidc/oidctest"
)

// believing returns an authority inside a synctest bubble, whose clock is the bubble's, and
// that believes the provider.
func believing(t *testing.T, k *KeyRing, p *oidctest.Provider, leeway time.Duration) *Authority {
	a, _ := newAuthority(t, k, func(c *Config) {
		i := corp(p)
		i.Groups, i.Leeway, c.Leeway, c.Now = "groups", leeway, leeway, time.Now
		c.Issuers = append(c.Issuers, i)
	})
	return a
}

// said is what an authority says of a token, as text.
func said(a *Authority, token string) string {
	c, err := a.Verify(token)
	return fmt.Sprintf("%+v %v %s", c, err, Reason(err))
}

// TestRememberingChangesNothing compares an authority with one that remembers nothing: while
// time goes by, keys come and go, and the issuer cannot be reached for a while, both say the
// same of every token at every moment.
func TestRememberingChangesNothing(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			ring, p := newRing(t), oidctest.New("https://idp.test")
			leeway := time.Duration(random.IntN(3)) * time.Second
			a, plain := believing(t, ring, p, leeway), believing(t, ring, p, leeway)
			var tokens []string
			more := func() {
				now := time.Now()
				at := func(d int) int64 { return now.Add(time.Duration(random.IntN(d)) * time.Second).Unix() }
				for range 3 {
					tokens = append(tokens, p.Sign(nil, with(with(with(aliceClaims(p), "iat", now.Unix()), "nbf", at(20)), "exp", at(3000))))
				}
				tokens = append(tokens,
					p.Sign(nil, with(aliceClaims(p), "groups", nil)), // never accepted
					sign(ring, encode(t, goodHeader()), encode(t, with(with(with(goodClaims(ring), "iat", now.Unix()), "nbf", at(20)), "exp", at(3000)))),
				)
			}
			more()
			remembered := 0
			for step := range 400 {
				switch random.IntN(40) {
				case 0:
					p.Rotate(fmt.Sprint("key", step), "ES256")
					more()
				case 1:
					p.Remove(p.Header()["kid"].(string))
				case 2:
					p.Instead(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
				case 3, 4:
					p.Instead(nil)
				case 5:
					time.Sleep(time.Duration(random.IntN(1200)) * time.Second)
				default:
					time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
				}
				token := tokens[max(0, len(tokens)-1-random.IntN(12))]
				before := a.verified.latest()
				plain.verified.forgetAll()
				if diff := cmp.Diff(said(plain, token), said(a, token)); diff != "" {
					t.Fatalf("seed %d, step %d: from the beginning (-) and remembered (+):\n%s", seed, step, diff)
				}
				if last := a.verified.latest(); last != nil && last == before {
					remembered++
				}
				synctest.Wait()
			}
			if remembered == 0 {
				t.Errorf("seed %d: nothing was remembered", seed)
			}
		})
	}
}

// latest is what was used or remembered last.
func (r *verified) latest() *verification {
	if r.order.Len() == 0 {
		return nil
	}
	return r.order.Front().Value.(*verification)
}

func (r *verified) forgetAll() {
	for r.order.Len() > 0 {
		r.forget(r.order.Back())
	}
}

// TestVerifiedTokenEndsWithItsKey (ID-13): a token that was accepted a thousand times is
// refused within five minutes of its key's removal, and at once if a key takes its id.
func TestVerifiedTokenEndsWithItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := oidctest.New("https://idp.test")
		a := believing(t, newRing(t), p, 0)
		token := p.Sign(nil, with(with(aliceClaims(p), "iat", time.Now().Unix()), "exp", time.Now().Add(24*time.Hour).Unix()))
		accepted := func() bool { _, err := a.Verify(token); return err == nil }
		for range 1000 {
			if !accepted() {
				t.Fatal("refused while its key was there")
			}
		}
		p.Rotate("1", "ES256") // another key under the same id
		begun := time.Now()
		for accepted() {
			if time.Since(begun) > 5*time.Minute {
				t.Fatal("accepted though its key has been replaced for five minutes")
			}
			time.Sleep(time.Second)
		}
	})
}

// TestVerifiedTokenEndsInTime: exp and nbf are looked at each time, to the second.
func TestVerifiedTokenEndsInTime(t *testing.T) {
	p := oidctest.New("https://idp.test")
	a, clock := trusting(t, p, func(c *Config, i *IssuerConfig) { c.Leeway, i.Leeway = 10*time.Second, 10*time.Second })
	for name, token := range map[string]string{
		"embedded": issue(t, a, Request{Subject: "user:local/ada", TTL: time.Hour}),
		"external": p.Sign(nil, aliceClaims(p)),
	} {
		for _, c := range []struct {
			at   time.Duration
			want string
		}{
			{0, ""}, {time.Hour + 10*time.Second - 1, ""}, {time.Hour + 10*time.Second, ReasonExpired}, {0, ""},
			{-10 * time.Second, ""}, {-11 * time.Second, ReasonNotYetValid}, {time.Minute, ""},
		} {
			clock.at(c.at)
			if _, err := a.Verify(token); Reason(err) != c.want || (err == nil) != (c.want == "") {
				t.Errorf("%s, %v after it was issued: %v, want %q", name, c.at, err, c.want)
			}
		}
		clock.at(0)
	}
}

// TestRememberedTokensAreBounded: whoever has many tokens, or changes one, takes no more room.
func TestRememberedTokensAreBounded(t *testing.T) {
	var r verified
	long := strings.Repeat("x", 8<<10)
	for i := range 3 * verifiedBytes / len(long) {
		r.remember(fmt.Sprint(i, long), &verification{until: start.Add(time.Hour)})
		r.remember(fmt.Sprint(i, long), &verification{until: start.Add(time.Hour)})
		if r.bytes > verifiedBytes || len(r.known) != r.order.Len() || len(r.known) > verifiedBytes/len(long) {
			t.Fatalf("%d tokens with %d bytes, %d in order", len(r.known), r.bytes, r.order.Len())
		}
	}
	if v, _ := r.of(t.Context(), "0"+long, start); v != nil {
		t.Error("the first is still there")
	}
	p := oidctest.New("https://idp.test")
	a, _ := trusting(t, p, nil)
	token := p.Sign(nil, aliceClaims(p))
	for i := range 100 {
		a.Verify(token)
		changed := []byte(token)
		changed[len(token)-1-i] ^= 1
		if _, err := a.Verify(string(changed)); err == nil {
			t.Errorf("accepted with byte %d from the end changed", i)
		}
	}
	if n := len(a.verified.known); n != 1 {
		t.Errorf("%d tokens are remembered, want the one that is genuine", n)
	}
}

// BenchmarkVerify compares checking a signature with remembering that it was checked.
func BenchmarkVerify(b *testing.B) {
	p := oidctest.New("https://idp.test")
	a, _ := trusting(b, p, nil)
	for name, token := range map[string]string{"embedded": issue(b, a, Request{Subject: "user:local/ada"}), "external": p.Sign(nil, aliceClaims(p))} {
		for _, remembered := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/remembered=%t", name, remembered), func(b *testing.B) {
				for b.Loop() {
					if !remembered {
						a.verified.forgetAll()
					}
					if _, err := a.Verify(token); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
