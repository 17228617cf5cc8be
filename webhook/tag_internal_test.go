package webhook

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
)

// A tag is one text in each encoding: the one that encoding/base64 and encoding/hex
// write.
func checkTag(t *testing.T, text string) {
	t.Helper()
	var tag [tagSize]byte
	want, err := base64.StdEncoding.Strict().DecodeString(text)
	good := err == nil && len(want) == tagSize && base64.StdEncoding.EncodeToString(want) == text
	if got := parseBase64(&tag, text); got != good || good && !bytes.Equal(tag[:], want) {
		t.Errorf("base64 %q: %v, want %v", text, got, good)
	}
	want, err = hex.DecodeString(text)
	good = err == nil && len(want) == tagSize && hex.EncodeToString(want) == text
	if got := parseHex(&tag, text); got != good || good && !bytes.Equal(tag[:], want) {
		t.Errorf("hex %q: %v, want %v", text, got, good)
	}
}

func FuzzTag(f *testing.F) {
	tag := bytes.Repeat([]byte{0xfe, 0x01, 0x80}, 11)[:tagSize]
	for _, text := range []string{base64.StdEncoding.EncodeToString(tag), hex.EncodeToString(tag), strings.Repeat("=", 44), strings.Repeat("A", 42) + "==", ""} {
		f.Add(text)
	}
	f.Fuzz(checkTag)
}

// Every byte in every place, and every last sextet.
func TestTags(t *testing.T) {
	for range 20 {
		var tag [tagSize]byte
		_, _ = rand.Read(tag[:])
		for _, text := range []string{base64.StdEncoding.EncodeToString(tag[:]), hex.EncodeToString(tag[:])} {
			checkTag(t, text)
			for i := range text {
				for c := range 256 {
					checkTag(t, text[:i]+string([]byte{byte(c)})+text[i+1:])
				}
			}
		}
	}
}

// A time is one text: the one that strconv writes.
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
