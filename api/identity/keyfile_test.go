package identity

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRacingCreateNeverReplaces runs what a maker does after it has seen no ring, and lost.
func TestRacingCreateNeverReplaces(t *testing.T) {
	dir := t.TempDir()
	first, err := OpenKeyRing(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := create(dir); err != nil {
		t.Fatal(err)
	}
	if second, err := ReadKeyRing(dir); err != nil || fingerprint(second) != fingerprint(first) {
		t.Errorf("the ring was replaced, or %v", err)
	}
}

func TestReadKeyRingRefuses(t *testing.T) {
	good, f, err := newFile()
	if err != nil {
		t.Fatal(err)
	}
	_, g, err := newFile()
	if err != nil {
		t.Fatal(err)
	}
	edit := func(f keyFile, change func(*keyFile)) string {
		change(&f)
		return encode(t, f)
	}
	for name, c := range map[string]struct {
		files    map[string]string
		dir, key os.FileMode
		says     string
	}{
		"readable by the group":       {map[string]string{"1.key": string(good)}, 0o700, 0o640, "chmod 600"},
		"readable by the world":       {map[string]string{"1.key": string(good)}, 0o700, 0o604, "chmod 600"},
		"writable by the world":       {map[string]string{"1.key": string(good)}, 0o700, 0o602, "chmod 600"},
		"directory open to the group": {map[string]string{"1.key": string(good)}, 0o720, 0o600, "chmod 700"},
		"directory open to the world": {map[string]string{"1.key": string(good)}, 0o702, 0o600, "chmod 700"},
		"empty file":                  {map[string]string{"1.key": ""}, 0o700, 0o600, "damaged"},
		"half a file":                 {map[string]string{"1.key": string(good[:100])}, 0o700, 0o600, "damaged"},
		"too long a file":             {map[string]string{"1.key": string(good) + strings.Repeat(" ", maxKeyFile)}, 0o700, 0o600, "damaged"},
		"unknown member":              {map[string]string{"1.key": strings.Replace(string(good), "{", `{"x":1,`, 1)}, 0o700, 0o600, "damaged"},
		"member twice":                {map[string]string{"1.key": strings.Replace(string(good), "{", `{"version":1,`, 1)}, 0o700, 0o600, "damaged"},
		"short secret":                {map[string]string{"1.key": edit(f, func(f *keyFile) { f.Hash = f.Hash[1:] })}, 0o700, 0o600, "damaged"},
		"empty secret":                {map[string]string{"1.key": strings.Replace(string(good), encode(t, f.Seal), `""`, 1)}, 0o700, 0o600, "damaged"},
		"bad ring id":                 {map[string]string{"1.key": edit(f, func(f *keyFile) { f.Ring = "a+b" })}, 0o700, 0o600, "damaged"},
		"version 0":                   {map[string]string{"0.key": edit(f, func(f *keyFile) { f.Version = 0 })}, 0o700, 0o600, "damaged"},
		"wrong name":                  {map[string]string{"2.key": string(good)}, 0o700, 0o600, "belongs into 1.key"},
		"one version under two names": {map[string]string{"1.key": string(good), "01.key": string(good)}, 0o700, 0o600, "belongs into 1.key"},
		"two rings": {map[string]string{"1.key": string(good),
			"2.key": edit(g, func(f *keyFile) { f.Version = 2 })}, 0o700, 0o600, "two rings"},
		"a kind of key missing": {map[string]string{"1.key": edit(f, func(f *keyFile) { f.Seal = nil })}, 0o700, 0o600, "between them"},
		"no secret at all":      {map[string]string{"1.key": edit(keyFile{Ring: f.Ring, Version: 1}, func(*keyFile) {})}, 0o700, 0o600, "damaged"},
	} {
		dir := t.TempDir()
		for file, content := range c.files {
			write(t, filepath.Join(dir, file), content, c.key)
		}
		if err := os.Chmod(dir, c.dir); err != nil {
			t.Fatal(err)
		}
		for what, open := range map[string]func(string) (*KeyRing, error){"Open": OpenKeyRing, "Read": ReadKeyRing} {
			k, err := open(dir)
			if k != nil || err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: %sKeyRing = %v, %v; want one line that says %q", name, what, k, err, c.says)
			}
		}
	}
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // past the umask
		t.Fatal(err)
	}
}
