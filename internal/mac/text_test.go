package mac

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

// A tag is one text in each encoding: the one that encoding/base64 and encoding/hex
// write.
func checkTag(t *testing.T, text string) {
	t.Helper()
	var tag [Size]byte
	want, err := base64.StdEncoding.Strict().DecodeString(text)
	good := err == nil && len(want) == Size && base64.StdEncoding.EncodeToString(want) == text
	if got := ParseBase64(&tag, text); got != good || good && !bytes.Equal(tag[:], want) {
		t.Errorf("base64 %q: %v, want %v", text, got, good)
	}
	want, err = hex.DecodeString(text)
	good = err == nil && len(want) == Size && hex.EncodeToString(want) == text
	if got := ParseHex(&tag, text); got != good || good && !bytes.Equal(tag[:], want) {
		t.Errorf("hex %q: %v, want %v", text, got, good)
	}
}

func FuzzTag(f *testing.F) {
	tag := bytes.Repeat([]byte{0xfe, 0x01, 0x80}, 11)[:Size]
	for _, text := range []string{base64.StdEncoding.EncodeToString(tag), hex.EncodeToString(tag), strings.Repeat("=", 44), strings.Repeat("A", 42) + "==", ""} {
		f.Add(text)
	}
	f.Fuzz(checkTag)
}

// Every byte in every place, and every last sextet.
func TestTags(t *testing.T) {
	for range 20 {
		var tag [Size]byte
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
