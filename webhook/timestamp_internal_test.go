package webhook

import (
	"strconv"
	"testing"
)

// Only the text that strconv writes is accepted for each time.
func FuzzTimestamp(f *testing.F) {
	for _, text := range []string{"0", "1", "01", "+1", "-1", " 1", "1767323045", "999999999999", "1000000000000", "9223372036854775808", "1_0", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := strconv.ParseInt(text, 10, 64)
		good := err == nil && n >= 0 && n < 1e12 && strconv.FormatInt(n, 10) == text
		if got, ok := parseTimestamp(text); ok != good || good && got != n {
			t.Errorf("%q: %d, %v; want %d, %v", text, got, ok, n, good)
		}
	})
}
