package interop_test

import (
	crand "crypto/rand"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// message is what is sent, before anybody has signed it.
type message struct {
	id   string
	body []byte
}

// newSecret is a key that every library takes.
func newSecret() string { return crand.Text() + crand.Text() }

// bodies are the ways a body can be made. All but the last are UTF-8, as JSON is.
var bodies = []func(*rand.Rand) []byte{
	func(*rand.Rand) []byte { return []byte{} },
	func(r *rand.Rand) []byte { return fmt.Appendf(nil, `{"event":"paid","amount":%d}`, r.Int64()) },
	func(r *rand.Rand) []byte {
		return []byte(strings.ToValidUTF8(strings.Repeat(runes(r, 4), 16<<10)[:64<<10], "."))
	},
	func(r *rand.Rand) []byte { return quoted(runes(r, 200)) },
	func(r *rand.Rand) []byte { return quoted(string(codePoints(r, 300))) },
	func(r *rand.Rand) []byte { return []byte(strings.Repeat(".", r.IntN(4)) + runes(r, 1+r.IntN(20))) },
	func(r *rand.Rand) []byte { return []byte("\ufeff" + runes(r, 20)) },
	octets,
}

func newMessage(r *rand.Rand) message {
	return message{fmt.Sprintf("msg_%x", r.Uint64()), bodies[r.IntN(len(bodies))](r)}
}

func octets(r *rand.Rand) []byte {
	b := make([]byte, 1+r.IntN(300))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// codePoints are of the first 256, with every control character among them.
func codePoints(r *rand.Rand, n int) []rune {
	points := make([]rune, n)
	for i := range points {
		points[i] = rune(r.IntN(256))
	}
	return points
}

// runes are ASCII, and characters of two, three and four bytes in UTF-8.
func runes(r *rand.Rand, n int) string {
	alphabet := []rune("azAZ09 {}:,.=+/äßжλ€漢字ñ🔑🎉\u200d\u2028")
	var b strings.Builder
	for range n {
		b.WriteRune(alphabet[r.IntN(len(alphabet))])
	}
	return b.String()
}

func quoted(s string) []byte {
	b, err := json.Marshal(map[string]string{"text": s})
	if err != nil {
		panic(err) // a string is always JSON
	}
	return b
}
