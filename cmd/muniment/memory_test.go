package main

import "testing"

// A small heap may double, a large one grow by a fifth, and in between by about 64 MiB.
func TestGrowth(t *testing.T) {
	for live, want := range map[uint64]int{
		0: 100, 1 << 20: 100, 64 << 20: 100, 128 << 20: 50, 200 << 20: 30, 1 << 30: 20, 1 << 40: 20,
	} {
		if got := growth(live); got != want {
			t.Errorf("%d MiB live may grow by %d %%, want %d", live>>20, got, want)
		}
	}
}
