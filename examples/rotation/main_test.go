package main

import (
	"strings"
	"testing"
)

func TestKeysComeAndGo(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"signs accepted",
		"created key 1 key 1",
		"rotated key 1 key 1",
		"1 h 5 min later key 2 key 1, key 2",
		"a day later key 2 key 2",
		"it has leaked key 3 key 3",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("printed\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
