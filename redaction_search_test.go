package tenantsecrets_test

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// window is how many bytes in a row are a leak. It is a multiple of three, so
// that base64 of a window stands in base64 of the whole, whatever stands before.
const window = 6

// forms are the ways in which printers and encoders write bytes.
var forms = map[string]func([]byte) string{
	"raw bytes":        func(b []byte) string { return string(b) },
	"hex":              hex.EncodeToString,
	"upper-case hex":   func(b []byte) string { return fmt.Sprintf("%X", b) },
	"hex of each":      func(b []byte) string { return fmt.Sprintf("% x", b) },
	"Go syntax":        func(b []byte) string { return listed("%#x", ", ", b) },
	"hex list":         func(b []byte) string { return listed("%x", " ", b) },
	"decimal list":     func(b []byte) string { return listed("%d", " ", b) },
	"JSON list":        func(b []byte) string { return listed("%d", ",", b) },
	"Go decimal list":  func(b []byte) string { return listed("%d", ", ", b) },
	"octal list":       func(b []byte) string { return listed("%o", " ", b) },
	"binary list":      func(b []byte) string { return listed("%b", " ", b) },
	"character list":   func(b []byte) string { return listed("%c", " ", b) },
	"quoted list":      func(b []byte) string { return listed("%q", " ", b) },
	"code points":      func(b []byte) string { return listed("%U", " ", b) },
	"bad verb's list":  func(b []byte) string { return listed("%%!s(uint8=%d)", " ", b) },
	"standard base64":  base64.StdEncoding.EncodeToString,
	"base64url":        base64.URLEncoding.EncodeToString,
	"text in Go":       func(b []byte) string { return strings.Trim(fmt.Sprintf("%+q", b), `"`) },
	"text in a script": func(b []byte) string { return strings.ReplaceAll(string(b), "-", `\u002D`) },
}

func listed(format, separator string, b []byte) string {
	var items []string
	for _, c := range b {
		items = append(items, fmt.Sprintf(format, c))
	}
	return strings.Join(items, separator)
}

// search looks for secret bytes in any text.
type search struct {
	needles map[string]string // what it is, by text
	words   map[string]string // the same, for texts that stand between other characters than letters and digits
	finder  *strings.Replacer
	clean   map[string]bool // outputs seen before
}

// newSearch looks for an HMAC key, and for the state that is made of it.
func newSearch(secret string) *search {
	s := &search{needles: map[string]string{}, words: map[string]string{}, clean: map[string]bool{}}
	s.bytes("the secret", []byte(secret))
	for what, state := range statesOf(secret) {
		s.bytes(what, state)
		s.bytes(what+" in words of 4, turned", turned(state, 4))
		s.bytes(what+" in words of 8, turned", turned(state, 8))
		s.numbers(what, state)
	}
	return s
}

// statesOf are the SHA-256 states after HMAC's inner and outer padded key.
func statesOf(secret string) map[string][]byte {
	key := []byte(secret)
	if len(key) > sha256.BlockSize {
		sum := sha256.Sum256(key)
		key = sum[:]
	}
	states := map[string][]byte{}
	for what, pad := range map[string]byte{"the inner state": 0x36, "the outer state": 0x5c} {
		block := bytes.Repeat([]byte{pad}, sha256.BlockSize)
		for i, c := range key {
			block[i] ^= c
		}
		h := sha256.New()
		h.Write(block)
		state, err := h.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			panic(err)
		}
		states[what] = state[4:][:sha256.Size] // behind the magic
	}
	return states
}

// turned turns each word of a number of bytes around.
func turned(b []byte, size int) []byte {
	b = bytes.Clone(b)
	for word := range slices.Chunk(b, size) {
		slices.Reverse(word)
	}
	return b
}

func (s *search) bytes(what string, b []byte) {
	for i := range len(b) - window + 1 {
		for form, write := range forms {
			s.needles[write(b[i:][:window])] = what + " as " + form
		}
	}
	s.finder = nil
}

func (s *search) numbers(what string, b []byte) {
	for _, b := range [][]byte{b, turned(b, 4), turned(b, 8)} {
		for word := range slices.Chunk(b, 4) {
			s.number(what, uint64(binary.BigEndian.Uint32(word)), "%08x")
		}
		for word := range slices.Chunk(b, 8) {
			s.number(what, binary.BigEndian.Uint64(word), "%016x")
		}
	}
}

func (s *search) number(what string, n uint64, padded string) {
	for _, format := range []string{"%d", "%x", "%X", padded, strings.ToUpper(padded)} {
		s.words[fmt.Sprintf(format, n)] = what + " as a number"
	}
}

// find says what of the secret stands in an output; "" for nothing.
func (s *search) find(output string) string {
	if s.clean[output] {
		return ""
	}
	const mark = "\x00leak\x00"
	if s.finder == nil {
		var pairs []string
		for needle, what := range s.needles {
			pairs = append(pairs, needle, mark+what+mark)
		}
		s.finder = strings.NewReplacer(pairs...)
	}
	if _, found, leaks := strings.Cut(s.finder.Replace(output), mark); leaks {
		what, _, _ := strings.Cut(found, mark)
		return what
	}
	for _, word := range strings.FieldsFunc(output, isNotAlphanumeric) {
		if what, ok := s.words[strings.TrimPrefix(strings.TrimPrefix(word, "0x"), "0X")]; ok {
			return what
		}
	}
	s.clean[output] = true
	return ""
}

func isNotAlphanumeric(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// What holds the secret openly, in every form that is looked for, is found: or
// the tests that find nothing would show nothing.
func TestSearchFinds(t *testing.T) {
	secret := newSecrets(1)[0]
	s := newSearch(secret)
	states := statesOf(secret)
	shown := map[string]string{
		"text":                secret,
		"the start of text":   secret[:window] + "...",
		"the end of text":     "..." + secret[len(secret)-window:],
		"text in quotes":      fmt.Sprintf("%q", secret),
		"bytes":               fmt.Sprintf("%v", []byte(secret)),
		"bytes in Go":         fmt.Sprintf("%#v", []byte(secret)),
		"an array":            fmt.Sprintf("%v", [3]byte([]byte(secret[:3]))) + fmt.Sprintf("%v", [window]byte([]byte(secret))),
		"an array by %s":      fmt.Sprintf("%s", [window]byte([]byte(secret))),
		"an array by %x":      fmt.Sprintf("%x", [window]byte([]byte(secret))),
		"a slice by %c":       fmt.Sprintf("%c", []byte(secret)),
		"a slice by %U":       fmt.Sprintf("%U", []byte(secret)),
		"a slice by %b":       fmt.Sprintf("%b", []byte(secret)),
		"a slice by %o":       fmt.Sprintf("%o", []byte(secret)),
		"a slice by % X":      strings.ToLower(fmt.Sprintf("% X", secret)),
		"hex":                 hex.EncodeToString([]byte(secret)),
		"HEX":                 strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"base64":              base64.StdEncoding.EncodeToString([]byte(secret)),
		"base64, 1 before":    base64.RawStdEncoding.EncodeToString([]byte("x" + secret)),
		"base64, 2 before":    base64.StdEncoding.EncodeToString([]byte("xx" + secret)),
		"base64url, 1 before": base64.RawURLEncoding.EncodeToString([]byte("x" + secret)),
	}
	for what, state := range states {
		for order, words := range map[string]binary.ByteOrder{"big-endian": binary.BigEndian, "little-endian": binary.LittleEndian} {
			var w32 [8]uint32
			var w64 [4]uint64
			for i := range w32 {
				w32[i] = words.Uint32(state[4*i:])
			}
			for i := range w64 {
				w64[i] = words.Uint64(state[8*i:])
			}
			for _, format := range []string{"%v", "%#v", "%x", "%X", "%#x"} {
				shown[what+order+"4"+format] = fmt.Sprintf(format, w32)
				shown[what+order+"8"+format] = fmt.Sprintf(format, w64)
				shown[what+order+"one"+format] = fmt.Sprintf(format, w32[7])
			}
		}
		shown[what] = fmt.Sprintf("%v", state)
		shown[what+" in hex"] = fmt.Sprintf("%x", state)
		shown[what+" in base64"] = base64.StdEncoding.EncodeToString(state)
		shown[what+" in Go"] = fmt.Sprintf("%#v", [sha256.Size]byte(state))
	}
	for what, output := range shown {
		if s.find("before "+output+" behind") == "" {
			t.Errorf("%s is not found", what)
		}
	}
	if what := s.find("before " + newSecrets(1)[0] + " behind"); what != "" {
		t.Errorf("in another secret is found %s", what)
	}
}
