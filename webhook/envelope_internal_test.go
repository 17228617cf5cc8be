package webhook

import (
	"strings"
	"testing"
)

// TestValidID puts every byte at every position of IDs of different lengths, beside bytes at
// both ends of the valid range.
func TestValidID(t *testing.T) {
	for _, fill := range []string{"!", "~", "m", "/", "-"} {
		for length := range 20 {
			if id := strings.Repeat(fill, length); !validID(id) {
				t.Errorf("%q is refused", id)
			}
			for at := range length {
				for b := range 256 {
					id := strings.Repeat(fill, at) + string([]byte{byte(b)}) + strings.Repeat(fill, length-at-1)
					want := b > ' ' && b < 0x7f && b != '.'
					if got := validID(id); got != want {
						t.Fatalf("%q: valid is %t, want %t", id, got, want)
					}
				}
			}
		}
	}
}
