package identity

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/muniment/muniment/internal/prove"
)

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// mutations change a genuine token without the key. Each gets the token, a second genuine one
// and a source of randomness.
var mutations = []struct {
	name   string
	mutate func(token, other string, r *rand.Rand) string
}{
	{"flip a bit", func(token, _ string, r *rand.Rand) string {
		b := []byte(token)
		b[r.IntN(len(b))] ^= 1 << r.IntN(8)
		return string(b)
	}},
	{"flip a bit below base64", func(token, _ string, r *rand.Rand) string {
		return change(token, r.IntN(3), func(b []byte) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b })
	}},
	{"replace a character", func(token, _ string, r *rand.Rand) string {
		i := r.IntN(len(token))
		return token[:i] + letters[r.IntN(len(letters)):][:1] + token[i+1:]
	}},
	{"drop a character", func(token, _ string, r *rand.Rand) string {
		i := r.IntN(len(token))
		return token[:i] + token[i+1:]
	}},
	{"insert what decoders skip", func(token, _ string, r *rand.Rand) string {
		i := r.IntN(len(token) + 1)
		return token[:i] + pick(r, "\n", "\r", "\r\n", " ", "=", "\t", "\x00", "\u200b", ".") + token[i:]
	}},
	{"cut", func(token, _ string, r *rand.Rand) string { return token[:r.IntN(len(token))] }},
	{"append", func(token, other string, r *rand.Rand) string {
		return token + pick(r, ".", "=", "==", "A", "\n", "~", "."+other, ","+other, token)
	}},
	{"segments of two tokens", func(token, other string, r *rand.Rand) string {
		s, o := strings.Split(token, "."), strings.Split(other, ".")
		i := 1 + r.IntN(2) // headers are equal
		s[i] = o[i]
		return strings.Join(s, ".")
	}},
	{"segments swapped", func(token, _ string, r *rand.Rand) string {
		s := strings.Split(token, ".")
		r.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
		return strings.Join(s[:1+r.IntN(3)], ".")
	}},
	{"other base64", func(token, _ string, r *rand.Rand) string {
		s := strings.Split(token, ".")
		i := r.IntN(3)
		raw, _ := base64.RawURLEncoding.DecodeString(s[i])
		s[i] = [](func([]byte) string){
			base64.StdEncoding.EncodeToString, base64.URLEncoding.EncodeToString, base64.RawStdEncoding.EncodeToString,
			func(b []byte) string { return string(b) },
			func(b []byte) string { return base64.RawURLEncoding.EncodeToString([]byte(s[i])) },
		}[r.IntN(5)](raw)
		return strings.Join(s, ".")
	}},
	{"bits behind the end", func(token, _ string, r *rand.Rand) string {
		s := strings.Split(token, ".")
		i := r.IntN(3)
		last := strings.IndexByte(letters, s[i][len(s[i])-1])
		s[i] = s[i][:len(s[i])-1] + string(letters[last^(1+r.IntN(3))])
		return strings.Join(s, ".")
	}},
	{"JSON spelt otherwise", func(token, _ string, r *rand.Rand) string {
		return change(token, r.IntN(2), func(b []byte) []byte {
			switch r.IntN(3) {
			case 0:
				return bytes.Replace(b, []byte(":"), []byte(": "), 1+r.IntN(3))
			case 1:
				return append(b, ' ')
			}
			var v map[string]any
			json.Unmarshal(b, &v)
			out, _ := json.MarshalIndent(v, "", " ")
			return out
		})
	}},
	{"a claim changed", func(token, _ string, r *rand.Rand) string {
		return change(token, 1, func(b []byte) []byte {
			return edited(b, pick(r, "sub", "exp", "act", "roles", "clearance", "guest", "aud", "iss", "nbf", "jti"), r)
		})
	}},
	{"a header changed", func(token, _ string, r *rand.Rand) string {
		return change(token, 0, func(b []byte) []byte { return edited(b, pick(r, "alg", "kid", "typ", "jku", "jwk", "crit"), r) })
	}},
	{"signed with a foreign key", func(token, _ string, r *rand.Rand) string {
		text := token[:strings.LastIndexByte(token, '.')]
		seed := make([]byte, ed25519.SeedSize)
		for i := range seed {
			seed[i] = byte(r.Uint32())
		}
		return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(ed25519.NewKeyFromSeed(seed), []byte(text)))
	}},
	{"a signature of zeros", func(token, _ string, r *rand.Rand) string {
		text := token[:strings.LastIndexByte(token, '.')]
		return text + "." + base64.RawURLEncoding.EncodeToString(make([]byte, r.IntN(129)))
	}},
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

// change decodes one segment, changes it and puts it back.
func change(token string, segment int, f func([]byte) []byte) string {
	s := strings.Split(token, ".")
	raw, _ := base64.RawURLEncoding.DecodeString(s[segment])
	s[segment] = base64.RawURLEncoding.EncodeToString(f(raw))
	return strings.Join(s, ".")
}

// edited replaces one member of a JSON object by a value that someone might like.
func edited(object []byte, name string, r *rand.Rand) []byte {
	var v map[string]any
	json.Unmarshal(object, &v)
	values := []any{"user:local/ceo", "none", "HS256", "2", "restricted", true, 4102444800, nil, []string{"admin"}, map[string]any{"sub": "service:muniment-cli"}}
	v[name] = values[r.IntN(len(values))]
	out, _ := json.Marshal(v)
	return out
}

// TestMutatedTokensAreRefused makes 2,000 tokens out of genuine ones, in the long form
// 10,000; none may be accepted.
func TestMutatedTokensAreRefused(t *testing.T) {
	count := prove.Count(2_000, 10_000)
	k := newRing(t)
	a, _ := newAuthority(t, k, nil)
	var genuine []string
	for _, request := range []Request{
		{Subject: "user:local/ada"},
		{Subject: "user:local/eve", App: "chat", Guest: true, Clearance: "public"},
		{Subject: "service:crawler", Roles: []Grant{{RoleIngest, "handbook"}}},
		{Subject: "user:local/grace", Roles: []Grant{{RoleAuditor, ""}, {RoleAdmin, ""}}, Clearance: "restricted"},
	} {
		genuine = append(genuine, issue(t, a, request))
	}
	mutantsRefused(t, a, genuine, count)
	prove.Report(t, "identity", "%d tokens made out of the embedded issuer's in %d ways, 0 accepted", count, len(mutations))
}

// mutantsRefused makes count mutants of the genuine tokens, some of every kind, and demands
// that all are refused and that the genuine ones still are not.
func mutantsRefused(t *testing.T, a *Authority, genuine []string, count int) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	made := map[string]int{}
	for tries, n := 0, 0; n < count; tries++ {
		if tries > 20*count {
			t.Fatalf("only %d mutations after %d tries", n, tries)
		}
		m := mutations[tries%len(mutations)]
		i := r.IntN(len(genuine))
		mutant := m.mutate(genuine[i], genuine[(i+1)%len(genuine)], r)
		if slices.Contains(genuine, mutant) {
			continue
		}
		n++
		made[m.name]++
		if caller, err := a.Verify(mutant); err == nil {
			t.Errorf("%s: accepted as %v: %s", m.name, caller.Identity, mutant)
		}
	}
	for _, m := range mutations {
		if made[m.name] < count/len(mutations)/4 {
			t.Errorf("%s: only %d mutants of %d", m.name, made[m.name], count)
		}
	}
	for _, token := range genuine {
		if _, err := a.Verify(token); err != nil {
			t.Errorf("a genuine token: %v", err)
		}
	}
}
