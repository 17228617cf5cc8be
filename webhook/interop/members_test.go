package interop_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"math/rand/v2"
	"strings"
)

// members are strays of a signature header that has several members.
var members = []stray{
	{name: "other member", sent: func(r *rand.Rand, s *sent) {
		others := []string{"", "v1", "v1a,AAAA", "v2,AAAA", "v1,", "v1,AAAA", "V1,AAAA"}
		if s.form.signature == stripeForm.signature {
			others = []string{"", "v1", "v0=00", "scheme=new", "v1=", "v1=zz", "V1=00", "x=a=b", "v1=00=", "t=1", "t=", "t", " t=1"}
		}
		s.add(r, others[r.IntN(len(others))])
	}},
	{name: "its time twice", sent: func(r *rand.Rand, s *sent) {
		if times := s.form.timestamps(s.header); s.form.timestamp == "" && len(times) > 0 {
			s.add(r, "t="+times[0])
		}
	}},
	{name: "more signatures", sent: func(r *rand.Rand, s *sent) {
		more := max(0, 8-len(s.form.tags(s.header))+r.IntN(3))
		tag := s.form.encode(make([]byte, 32))
		s.add(r, strings.TrimSuffix(strings.Repeat(s.form.before+tag+s.form.between, more), s.form.between))
	}},
	{name: "long header", sent: func(r *rand.Rand, s *sent) {
		filler := "v9" + s.form.before[len(s.form.before)-1:] + strings.Repeat("A", 1000)
		s.add(r, strings.TrimSuffix(strings.Repeat(filler+s.form.between, 3+r.IntN(3)), s.form.between))
	}},
}

// add puts a member before or after the others, if there may be several.
func (s *sent) add(r *rand.Rand, member string) {
	between := s.form.between
	if between == "" {
		return
	}
	s.rewrite(func(text string) string {
		if r.IntN(2) == 0 {
			return member + between + text
		}
		return text + between + member
	})
}

func (f form) encode(tag []byte) string {
	if f.hex {
		return hex.EncodeToString(tag)
	}
	return base64.StdEncoding.EncodeToString(tag)
}

// otherHash signs a body as GitHub does or did, with another hash than SHA-256.
func otherHash(r *rand.Rand, s *sent) {
	const old = "X-Hub-Signature"
	tag := func(h func() hash.Hash) string {
		m := hmac.New(h, []byte(s.secrets[0]))
		m.Write(s.body)
		return hex.EncodeToString(m.Sum(nil))
	}
	switch r.IntN(3) {
	case 0:
		s.header.Del(s.form.signature)
		s.header.Set(old, "sha1="+tag(sha1.New))
	case 1:
		s.header.Set(s.form.signature, "sha1="+tag(sha1.New))
	case 2:
		s.header.Set(s.form.signature, "sha512="+tag(sha512.New))
	}
}
