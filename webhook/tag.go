package webhook

import "crypto/sha256"

const (
	tagSize      = sha256.Size
	hexLength    = 2 * tagSize
	base64Length = 44 // of 32 bytes, one "=" of padding included
)

// parseBase64 accepts one text per tag: encoding/base64 skips line breaks and, where
// it is not told to be strict, takes set trailing bits. Where it accepts none, tag is
// garbage.
func parseBase64(tag *[tagSize]byte, text string) bool {
	const full = tagSize / 3 // groups of 3 bytes; 2 bytes are left
	if len(text) != base64Length || text[base64Length-1] != '=' {
		return false
	}
	var bad byte
	for i := range full {
		a, b, c, d := sextets[text[4*i]], sextets[text[4*i+1]], sextets[text[4*i+2]], sextets[text[4*i+3]]
		bad |= a | b | c | d
		tag[3*i], tag[3*i+1], tag[3*i+2] = a<<2|b>>4, b<<4|c>>2, c<<6|d
	}
	a, b, c := sextets[text[4*full]], sextets[text[4*full+1]], sextets[text[4*full+2]]
	tag[3*full], tag[3*full+1] = a<<2|b>>4, b<<4|c>>2
	trailing := c & 3
	return (bad|a|b|c)&notBase64 == 0 && trailing == 0
}

const notBase64 = 0x80

// sextets is what each base64 digit stands for, and notBase64 for what is none.
var sextets = func() (values [256]byte) {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range values {
		values[i] = notBase64
	}
	for i := range digits {
		values[digits[i]] = byte(i)
	}
	return values
}()

// parseHex accepts one text per tag. Where it accepts none, tag is garbage.
func parseHex(tag *[tagSize]byte, text string) bool {
	if len(text) != hexLength {
		return false
	}
	var bad byte
	for i := range tag {
		high, low := nibbles[text[2*i]], nibbles[text[2*i+1]]
		bad |= high | low
		tag[i] = high<<4 | low
	}
	return bad&notHex == 0
}

const notHex = 0xf0

// nibbles is what each lower-case hex digit stands for, and notHex for what is
// none. The digits of a tag are random: branches on them are guessed wrong half of
// the time.
var nibbles = func() (values [256]byte) {
	for i := range values {
		values[i] = notHex
	}
	for value, digit := range []byte("0123456789abcdef") {
		values[digit] = byte(value)
	}
	return values
}()
