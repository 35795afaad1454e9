package main

import (
	"os"
	"testing"
)

// asProgram makes the test binary behave as the program, so that tests can start it in
// processes of its own and kill them.
const asProgram = "MUNIMENT_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	// The tests say where things are; whoever runs them may have said otherwise.
	for _, name := range []string{"MUNIMENT_ADDR", "MUNIMENT_TOKEN", "MUNIMENT_DATA", "MUNIMENT_LISTEN"} {
		os.Unsetenv(name)
	}
	os.Exit(m.Run())
}
