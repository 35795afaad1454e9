package keyword

import (
	"os"
	"path/filepath"
	"testing"
)

// TestDiscarded: whoever opened the index can say what was wrong with it.
func TestDiscarded(t *testing.T) {
	_, batch := shelf(t, 20)
	for _, damaged := range []bool{false, true} {
		dir := t.TempDir()
		x := open(t, dir)
		if err := x.Apply(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if damaged {
			segments, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
			if err != nil || len(segments) == 0 {
				t.Fatalf("%d segments, %v", len(segments), err)
			}
			b, err := os.ReadFile(segments[0])
			if err != nil {
				t.Fatal(err)
			}
			b[len(b)/2] ^= 1
			if err := os.WriteFile(segments[0], b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		x = open(t, dir)
		if got := x.Discarded(); (got != nil) != damaged {
			t.Errorf("damaged %t: discarded for %v", damaged, got)
		}
		x.Close()
	}
}
