package interop_test

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// stray is a way not to keep to a scheme: before signing, which takes the key, or
// after it, which anybody on the way could do.
type stray struct {
	name  string
	draft func(r *rand.Rand, d *draft, margin time.Duration)
	sent  func(r *rand.Rand, s *sent)
}

var strays = slices.Concat(times, ids, changes, tagTexts, members)

// times are strays of the timestamp. A margin keeps them from the very edge, for
// those whose clock is not ours.
var times = []stray{
	{name: "time near the tolerance", draft: func(r *rand.Rand, d *draft, margin time.Duration) {
		edge := int64(5*60) * int64(1-2*r.IntN(2))
		d.at(edge + int64(margin/time.Second+time.Duration(r.IntN(2)))*int64(1-2*r.IntN(2)))
	}},
	{name: "time far away", draft: func(r *rand.Rand, d *draft, _ time.Duration) {
		d.at([]int64{-1e6, -3600, 3600, 1e8, 1e10, 1e11, -2e9}[r.IntN(7)])
	}},
	{name: "time in other words", draft: func(r *rand.Rand, d *draft, _ time.Duration) {
		n := strconv.FormatInt(d.now.Unix(), 10)
		d.timestamp = []string{"+" + n, "0" + n, "00" + n, n + ".0", n + "e0", "0x" + n, n + "s", n + " ", " " + n, "-0", n[:3] + "_" + n[3:], "NaN", ""}[r.IntN(13)]
		if r.IntN(2) == 0 {
			d.hashed = n
		}
	}},
}

func (d *draft) at(offset int64) { d.timestamp = strconv.FormatInt(d.now.Unix()+offset, 10) }

var ids = []stray{
	{name: "id", draft: func(r *rand.Rand, d *draft, _ time.Duration) {
		d.id = []string{
			"msg.1", ".", "msg 1", "", "msg,1", "msg\t1", strings.Repeat("m", 5000), "~!#$", "{}", "msg_" + d.timestamp + ".1", "msgé",
		}[r.IntN(11)]
	}},
}

// changes are what somebody on the way might try, without looking at the form.
var changes = []stray{
	{name: "large body", draft: func(r *rand.Rand, d *draft, _ time.Duration) {
		if r.IntN(4) == 0 { // it takes a while
			d.body = bytes.Repeat([]byte("x"), 1<<20+r.IntN(2))
		}
	}},
	{name: "changed body", sent: func(r *rand.Rand, s *sent) {
		s.body = slices.Clone(s.body)
		if len(s.body) == 0 || r.IntN(3) == 0 {
			s.body = append(s.body, "\n \x00"[r.IntN(3)])
		} else {
			s.body[r.IntN(len(s.body))] ^= 1 << r.IntN(8)
		}
	}},
	{name: "changed character", sent: func(r *rand.Rand, s *sent) {
		name := s.anyName(r)
		if text := []byte(s.header.Get(name)); len(text) > 0 {
			text[r.IntN(len(text))] ^= 1 << r.IntN(5)
			s.header.Set(name, string(text))
		}
	}},
	{name: "header twice", sent: func(r *rand.Rand, s *sent) {
		name := s.anyName(r)
		s.header[name] = append(slices.Clone(s.header[name]), []string{s.header.Get(name), "other"}[r.IntN(2)])
		if r.IntN(2) == 0 {
			slices.Reverse(s.header[name])
		}
	}},
	{name: "no header", sent: func(r *rand.Rand, s *sent) { s.header.Del(s.anyName(r)) }},
	{name: "empty header", sent: func(r *rand.Rand, s *sent) { s.header.Set(s.anyName(r), "") }},
	{name: "names of the other set", sent: func(r *rand.Rand, s *sent) {
		if s.form.signature == svixForm.signature {
			rename(r, s)
		}
	}},
	{name: "other hash", sent: func(r *rand.Rand, s *sent) {
		if s.form.signature == githubForm.signature {
			otherHash(r, s)
		}
	}},
}

// rename gives headers of svix their other names, all of them or some.
func rename(r *rand.Rand, s *sent) {
	left := 0
	for _, name := range svixForm.names() {
		s.header["Webhook-"+strings.TrimPrefix(name, "Svix-")] = s.header.Values(name)
		if r.IntN(2) == 0 {
			s.header.Del(name)
		} else {
			left++
		}
	}
	if left == 0 { // it is complete under these names
		s.form = standardForm
	}
}

func (s *sent) anyName(r *rand.Rand) string {
	names := s.form.names()
	return names[r.IntN(len(names))]
}

// tagTexts are other texts of the same tag, or of nearly the same.
var tagTexts = []stray{
	{name: "tag in another case", sent: func(_ *rand.Rand, s *sent) { s.retag(strings.ToUpper) }},
	{name: "tag with trailing bits", sent: func(r *rand.Rand, s *sent) {
		s.retag(func(tag string) string { return withBits(tag, byte(1+r.IntN(3))) })
	}},
	{name: "tag in another base64", sent: func(_ *rand.Rand, s *sent) {
		s.retag(strings.NewReplacer("+", "-", "/", "_").Replace)
	}},
	{name: "tag without padding", sent: func(_ *rand.Rand, s *sent) {
		s.retag(func(tag string) string { return strings.TrimRight(tag, "=") })
	}},
	{name: "tag with something behind", sent: func(r *rand.Rand, s *sent) {
		s.retag(func(tag string) string { return tag + []string{",", ",x", "=", "==", "0", "00", "\n", " "}[r.IntN(8)] })
	}},
	{name: "tag with a break", sent: func(_ *rand.Rand, s *sent) {
		s.retag(func(tag string) string { return tag[:len(tag)/2] + "\r\n" + tag[len(tag)/2:] })
	}},
}

// withBits sets bits that base64 of 32 bytes leaves unused.
func withBits(tag string, bits byte) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	b, err := base64.StdEncoding.DecodeString(tag)
	if err != nil || len(b) != 32 {
		return tag
	}
	last := strings.IndexByte(digits, tag[42])
	return tag[:42] + string(digits[last|int(bits)]) + "="
}
