package mac

import "encoding/base64"

const (
	// HexLength is that of a tag in hex digits.
	HexLength = 2 * Size

	// Base64Length is that of a tag in standard base64, one "=" of padding included.
	Base64Length = 44
)

// ParseHex reads a tag of 64 lower-case hex digits, its one text. Where it returns
// false, tag is garbage.
func ParseHex(tag *[Size]byte, text string) bool {
	if len(text) != HexLength {
		return false
	}
	bad := byte(0)
	for i := range tag {
		high, low := nibbles[text[2*i]], nibbles[text[2*i+1]]
		bad |= high | low
		tag[i] = high<<4 | low
	}
	return bad&notHex == 0
}

const notHex = 0xf0

// nibbles is what each lower-case hex digit stands for, and notHex for what is
// none. It is a table, for the digits of a tag are random: branches on them would be
// guessed wrong half of the time, which costs as much as hashing 200 bytes.
var nibbles = func() (values [256]byte) {
	for i := range values {
		values[i] = notHex
	}
	for value, digit := range []byte("0123456789abcdef") {
		values[digit] = byte(value)
	}
	return values
}()

// strictBase64 refuses set trailing bits. Line breaks, which it would skip, are
// refused by the length: 44 characters must give 32 bytes.
var strictBase64 = base64.StdEncoding.Strict()

// ParseBase64 reads a tag of 44 characters of strict standard base64, its one text.
// Where it returns false, tag is garbage.
func ParseBase64(tag *[Size]byte, text string) bool {
	if len(text) != Base64Length {
		return false
	}
	var copied [Base64Length]byte // on the stack, as a conversion would not be
	copy(copied[:], text)
	var decoded [Base64Length / 4 * 3]byte
	n, err := strictBase64.Decode(decoded[:], copied[:])
	copy(tag[:], decoded[:])
	return err == nil && n == Size
}
