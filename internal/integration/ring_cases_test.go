package integration

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// caseVectors are of documents chosen by hand.
func caseVectors(t *testing.T) (vectors []ringVector) {
	for _, cases := range []func() []ringCase{
		timeCases, encodingCases, bytesCases, previousCases, kidCases, revokedCases, refusedCases,
	} {
		for _, c := range cases() {
			vectors = append(vectors, c.vector(t))
		}
	}
	return vectors
}

func timeCases() []ringCase {
	l := letters{}
	k, doc := l.key, l.document
	tick := time.Microsecond
	var nine, ended []stored
	for i := range 9 {
		letter := string(rune('A' + i))
		nine = append(nine, k(letter, "k"+letter, signsFrom(asked.Add(time.Hour))))
		ended = append(ended, k(letter, "k"+letter, endsAt(asked)))
	}
	nine[8].SignAfter = ""
	eighth := slices.Clone(nine)
	eighth[7].SignAfter = ""
	return []ringCase{
		{name: "sign_after a microsecond from now", current: doc(k("B", v2, signsFrom(asked.Add(tick))), k("A", v1)).with(base(v1))},
		{name: "sign_after is now", current: doc(k("B", v2, signsFrom(asked)), k("A", v1)).with(base(v1))},
		{name: "not_after a microsecond from now", current: doc(k("B", v2), k("A", v1, endsAt(asked.Add(tick)))).with(base(v1))},
		{name: "not_after is now", current: doc(k("B", v2), k("A", v1, endsAt(asked))).with(base(v1))},
		{name: "the newest key has ended", current: doc(k("B", v2, endsAt(asked)), k("A", v1)).with(base(v1))},
		{name: "no key may sign yet", current: doc(k("B", v2, signsFrom(asked.Add(tick))), k("A", v1, signsFrom(asked.Add(tick)))).with(base(v1))},
		{name: "all keys have ended", current: doc(k("B", v2, endsAt(asked)), k("A", v1, endsAt(asked.Add(-tick)))).with(base(v1))},
		{name: "a key that ends before it may sign", current: doc(k("B", v2, signsFrom(asked), endsAt(asked.Add(-tick))), k("A", v1)).with(base(v1))},
		{name: "nine keys: the ninth is not tried, and it alone might sign", current: doc(nine...)},
		{name: "nine keys: the eighth signs", current: doc(eighth...)},
		{name: "nine keys: those that have ended do not count", current: doc(append(ended[:8:8], k("I", "kI"))...)},
		{name: "a time without a zone is UTC: a microsecond before", current: doc(k("B", v2), k("A", v1, ends("2026-01-02T05:04:05.000001"))).with(base(v1))},
		{name: "a time without a zone is UTC: at the time", current: doc(k("B", v2), k("A", v1, ends("2026-01-02T05:04:05"))).with(base(v1))},
		{name: "a time east of UTC: a microsecond before", current: doc(k("B", v2), k("A", v1, ends("2026-01-02T10:34:05.000001+05:30"))).with(base(v1))},
		{name: "a time east of UTC: at the time", current: doc(k("B", v2), k("A", v1, ends("2026-01-02T10:34:05+05:30"))).with(base(v1))},
		{name: "a time west of UTC: a microsecond before", current: doc(k("B", v2), k("A", v1, ends("2026-01-01T21:04:05.000001-08:00"))).with(base(v1))},
		{name: "a time west of UTC: at the time", current: doc(k("B", v2), k("A", v1, ends("2026-01-01T21:04:05-08:00"))).with(base(v1))},
		{name: "a time is cut to microseconds, not rounded", current: doc(k("B", v2), k("A", v1, ends("2026-01-02T05:04:05.000000999Z"))).with(base(v1))},
		{name: "one digit of a second", current: doc(k("B", v2), k("A", v1, ends("2026-01-02T05:04:05.1Z"))).with(base(v1)), at: asked.Add(100*time.Millisecond - tick)},
		{name: "29 February of a leap year, and the year 9999", current: doc(k("B", v2, func(k *stored) { k.SignAfter = "2024-02-29T00:00:00Z" }, ends("9999-12-31T23:59:59Z")))},
	}
}

func encodingCases() []ringCase {
	l := letters{}
	raw := withPlus()
	url := strings.NewReplacer("+", "-", "/", "_").Replace(inBase64(raw))
	in := func(secret, encoding string) stored { return l.document(l.key("A", v2, written(secret, encoding))) }
	return []ringCase{
		{name: "encoding hex", current: in(hex.EncodeToString(raw), "hex")},
		{name: "encoding base64", current: in(inBase64(raw), "base64")},
		{name: "encoding base64 without padding", current: in(strings.TrimRight(inBase64(raw), "="), "base64")},
		{name: "encoding base64url", current: in(strings.TrimRight(url, "="), "base64url")},
		{name: "encoding base64url with padding", current: in(url, "base64url")},
		{name: "encoding whsec", current: in("whsec_"+inBase64(raw), "whsec")},
		{name: "encoding whsec without padding", current: in("whsec_"+strings.TrimRight(inBase64(raw), "="), "whsec")},
		{name: "without encoding a whsec_ text is the key as it stands", current: in("whsec_"+inBase64(raw), "")},
		{name: "without encoding a text in hex is the key as it stands", current: in(hex.EncodeToString(raw), "")},
		{name: "a previous key has an encoding of its own", current: l.document(l.key("B", v2), l.key("A", v1, written(inBase64(raw), "base64")))},
		{name: "the shortest key: 16 bytes", current: in(hex.EncodeToString(randomBytes(8)), "")},
		{name: "16 bytes of UTF-8 in eight characters", current: in(eightLetters(), "")},
		{name: "the longest key: 128 bytes, more than a block of SHA-256", current: in(hex.EncodeToString(randomBytes(128)), "hex")},
		{name: "15 bytes are no key", current: in(hex.EncodeToString(randomBytes(15)), "hex")},
		{name: "129 bytes are no key", current: in(hex.EncodeToString(randomBytes(129)), "hex")},
		{name: "hex in capitals is no key", current: in(strings.ToUpper(hex.EncodeToString(raw)), "hex")},
		{name: "base64 with the other alphabet is no key", current: in(url, "base64")},
		{name: "base64url with the other alphabet is no key", current: in(inBase64(raw), "base64url")},
		{name: "base64 with bits set after its end is no key", current: in(base64.StdEncoding.EncodeToString(raw[:30])+"AB==", "base64")},
		{name: "base64 with a line end is no key", current: in(inBase64(raw)+"\n", "base64")},
		{name: "whsec without whsec_ is no key", current: in(inBase64(raw), "whsec")},
		{name: "an encoding that there is not", current: in(inBase64(raw), "base32")},
	}
}

func bytesCases() []ringCase {
	l := letters{}
	k, doc := l.key, l.document
	return []ringCase{
		{name: "the same bytes under two kids of one document: the first counts", current: doc(k("B", v2), k("A", v1), k("B", v9)).with(base(v1))},
		{name: "the same bytes in two encodings", current: doc(k("B", v2), k("A", v1), k("A", v9, inHex)).with(base(v1))},
		{name: "the same bytes twice: the first has ended, and so has the key", current: doc(k("B", v2), k("A", v1, endsAt(asked)), k("A", v9)).with(base(v1))},
		{name: "the same bytes in both documents: as in the current one", current: doc(k("B", v2), k("A", v1, endsAt(asked.Add(30*24*time.Hour)))), previous: doc(k("A", v1)), changed: madeSecond, at: madeSecond.Add(48 * time.Hour)},
		{name: "the same bytes in both documents, ended in the current one", current: doc(k("B", v2), k("A", v1, endsAt(asked))), previous: doc(k("A", v1)), changed: madeSecond},
		{name: "the same bytes in both documents under two kids", current: doc(k("A", v2)), previous: doc(k("A", v1)), changed: madeSecond},
		{name: "the same kid twice in one document: both keys are tried", current: doc(k("B", v2), k("A", v1), k("C", v1)).with(base(v1))},
	}
}

func previousCases() []ringCase {
	l := letters{}
	k, doc := l.key, l.document
	grace := madeSecond.Add(grace)
	tick := time.Microsecond
	return []ringCase{
		{name: "AWSPREVIOUS is the base: its keys do not count", current: doc(k("B", v2)).with(base(v1)), previous: doc(k("A", v1)), changed: madeSecond},
		{name: "AWSPREVIOUS is the base: nor do its revocations", current: doc(k("B", v2)).with(base(v1)), previous: doc(k("A", v1)).with(revoked(v2)), changed: madeSecond},
		{name: "AWSPREVIOUS is the current version itself", current: doc(k("B", v2)), previous: doc(k("A", v1)), previously: 2, changed: madeSecond},
		{name: "AWSPREVIOUS is not the base", current: doc(k("B", v2)).with(base(v9)), previous: doc(k("A", v1)), changed: madeSecond},
		{name: "without base", current: doc(k("B", v2)), previous: doc(k("A", v1)), changed: madeSecond},
		{name: "without base, and without AWSPREVIOUS", current: doc(k("B", v2)), changed: madeSecond},
		{name: "neither document has a kid", current: doc(k("B", "")), previous: doc(k("A", "")), changed: madeSecond},
		{name: "foreign keys come after all others, in their order", current: doc(k("D", v2), k("C", v9)), previous: doc(k("B", v1), k("A", v8)), changed: madeSecond},
		{name: "a foreign key: a microsecond before 24 h have passed", current: doc(k("B", v2)), previous: doc(k("A", v1)), changed: madeSecond, at: grace.Add(-tick)},
		{name: "a foreign key: after 24 h", current: doc(k("B", v2)), previous: doc(k("A", v1)), changed: madeSecond, at: grace},
		{name: "24 h count from LastChangedDate", current: doc(k("B", v2)), previous: doc(k("A", v1)), changed: madeSecond.Add(time.Hour), at: grace},
		{name: "24 h count from CreatedDate where LastChangedDate is not known: before", current: doc(k("B", v2)), previous: doc(k("A", v1)), at: grace.Add(-tick)},
		{name: "24 h count from CreatedDate where LastChangedDate is not known: after", current: doc(k("B", v2)), previous: doc(k("A", v1)), at: grace},
		{name: "a foreign key whose not_after is sooner", current: doc(k("B", v2)), previous: doc(k("A", v1, endsAt(asked))), changed: madeSecond},
		{name: "a foreign key whose not_after is later", current: doc(k("B", v2)), previous: doc(k("A", v1, endsAt(grace.Add(tick)))), changed: madeSecond, at: grace},
		{name: "a foreign key may sign", current: doc(k("B", v2, signsFrom(asked.Add(tick)))), previous: doc(k("A", v1)), changed: madeSecond},
		{name: "a foreign key's sign_after counts", current: doc(k("B", v2, signsFrom(asked.Add(tick)))), previous: doc(k("A", v1, signsFrom(asked.Add(tick)))), changed: madeSecond},
		{name: "eight keys before them: foreign ones are not tried", current: doc(eightKeys(l)...), previous: doc(k("A", v1)), changed: madeSecond},
		{name: "AWSPREVIOUS is not JSON: it gives no key", current: doc(k("B", v2)), previous: "not JSON", changed: madeSecond},
		{name: "AWSPREVIOUS has a key too short: it gives no key and revokes none", current: doc(k("B", v2)), previous: doc(k("A", v1), k("C", v9, written("short", ""))).with(revoked(v2)), changed: madeSecond},
		{name: "AWSPREVIOUS is of format 2.0: it gives no key", current: doc(k("B", v2)), previous: doc(k("A", v1)).with(format("2.0")), changed: madeSecond},
		{name: "AWSPREVIOUS is another tenant's: it gives no key", current: doc(k("B", v2)), previous: doc(k("A", v1)).with(of("t_abc124")), changed: madeSecond},
		{name: "AWSPREVIOUS is another tenant's: it revokes", current: doc(k("B", v2), k("C", v9)), previous: doc(k("A", v1)).with(of("t_abc124"), revoked(v9)), changed: madeSecond},
		{name: "AWSPREVIOUS is suspended: its keys count", current: doc(k("B", v2)), previous: doc(k("A", v1)).with(state("suspended")), changed: madeSecond},
	}
}

func eightKeys(l letters) (keys []stored) {
	for i := range 8 {
		letter := string(rune('P' + i))
		keys = append(keys, l.key(letter, "k"+letter))
	}
	return keys
}

func kidCases() []ringCase {
	l := letters{}
	k, doc := l.key, l.document
	return []ringCase{
		{name: "no kid: the current version's id", current: doc(k("B", ""), k("A", v1)).with(base(v1))},
		{name: "one kid for two keys: the foreign one takes its version's id", current: doc(k("B", v9)), previous: doc(k("A", v9)), changed: madeSecond},
		{name: "one kid for two keys that are not the newest", current: doc(k("B", v2), k("C", v9)), previous: doc(k("D", v8), k("A", v9)), changed: madeSecond},
		{name: "one kid, the foreign version's id: the current document's newest takes its version's", current: doc(k("B", v1)), previous: doc(k("A", v1)), changed: madeSecond},
		{name: "one kid, the foreign version's id, among older keys: both keep it", current: doc(k("B", v2), k("C", v1)), previous: doc(k("A", v1)), changed: madeSecond},
		{name: "one kid for one key in both documents stays", current: doc(k("B", v2), k("A", v9)), previous: doc(k("C", v1), k("A", v9)), changed: madeSecond},
		{name: "all but the secret was changed: the kid stays", current: doc(k("A", v1)), previous: doc(k("A", v1)), changed: madeSecond},
		{name: "kids are compared as they are written", current: doc(k("B", v1)), previous: doc(k("A", v1), k("C", v2)), changed: madeSecond},
		{name: "one kid, and no kid: the version's id counts as written", current: doc(k("B", v1)), previous: doc(k("A", "")), changed: madeSecond},
	}
}

func revokedCases() []ringCase {
	l := letters{}
	k, doc := l.key, l.document
	return []ringCase{
		{name: "an older key revoked", current: doc(k("B", v2), k("A", v1)).with(base(v1), revoked(v1))},
		{name: "the newest key revoked", current: doc(k("B", v2), k("A", v1)).with(base(v1), revoked(v2))},
		{name: "the newest key revoked by its version's id, for it has no kid", current: doc(k("B", ""), k("A", v1)).with(base(v1), revoked(v2))},
		{name: "all keys revoked", current: doc(k("B", v2), k("A", v1)).with(base(v1), revoked(v1, v2, v9))},
		{name: "a kid that no key has is revoked", current: doc(k("B", v2), k("A", v1)).with(base(v1), revoked(v9))},
		{name: "a foreign key revoked in the current document", current: doc(k("B", v2)).with(revoked(v1)), previous: doc(k("A", v1), k("C", v9)), changed: madeSecond},
		{name: "a foreign key revoked in its own document", current: doc(k("B", v2)), previous: doc(k("A", v1), k("C", v9)).with(revoked(v9)), changed: madeSecond},
		{name: "a key of the current document revoked in AWSPREVIOUS", current: doc(k("B", v2), k("C", v9)), previous: doc(k("A", v1)).with(revoked(v9)), changed: madeSecond},
		{name: "revoked by bytes, under another kid of the same document", current: doc(k("B", v2), k("A", v8), k("A", v9)).with(revoked(v9))},
		{name: "revoked by bytes, in another encoding", current: doc(k("B", v2), k("A", v8, inHex), k("A", v9)).with(revoked(v9))},
		{name: "revoked by bytes, under another kid of the other document", current: doc(k("A", v2), k("C", v9)).with(revoked(v1)), previous: doc(k("B", v8), k("A", v1)), changed: madeSecond},
		{name: "one kid for two keys, and it is revoked: both go", current: doc(k("B", v2), k("C", v9)).with(revoked(v9)), previous: doc(k("A", v9), k("D", v8)), changed: madeSecond},
		{name: "AWSPREVIOUS's id is revoked: a key that both documents have under one kid stays", current: doc(k("C", v2), k("A", v9)).with(revoked(v1)), previous: doc(k("B", v1), k("A", v9)), changed: madeSecond},
		{name: "revoked by the id that took a foreign key's kid's place", current: doc(k("B", v9)).with(revoked(v1)), previous: doc(k("A", v9), k("D", v8)), changed: madeSecond},
		{name: "revoked by the id that took the newest key's kid's place", current: doc(k("B", v1)).with(revoked(v2)), previous: doc(k("A", v1)), changed: madeSecond},
		{name: "the kid that both documents' newest keys have is revoked", current: doc(k("B", v1), k("C", v9)).with(revoked(v1)), previous: doc(k("A", v1)), changed: madeSecond},
	}
}

func refusedCases() []ringCase {
	l := letters{}
	good := l.document(l.key("B", v2), l.key("A", v1)).with(base(v1))
	at := func(text string) stored { return l.document(l.key("B", v2, ends(text))) }
	raw := func(format string) string { return fmt.Sprintf(format, l.secret("B")) }
	numbered := func(number string) string {
		return raw(`{"shared_secret":%q,"created_at":"2026-01-02T03:04:05Z","tenant_id":"t_abc123","version":` + number + `}`)
	}
	return []ringCase{
		{name: "version 1.7, and members that nobody knows", current: raw(`{"shared_secret":%q,"created_at":"2026-01-02T03:04:05Z","tenant_id":"t_abc123","version":"1.7","x_note":{"a":[1,null]}}`)},
		{name: "state active", current: good.with(state("active"))},
		{name: "state suspended", current: good.with(state("suspended"))},
		{name: "another tenant's", current: good.with(of("t_abc124"))},
		{name: "another tenant's, and suspended", current: good.with(of("t_abc124"), state("suspended"))},
		{name: "suspended, and malformed", current: good.with(state("suspended"), written("short", ""))},
		{name: "malformed, with a good AWSPREVIOUS", current: good.with(written("short", "")), previous: l.document(l.key("A", v1)), changed: madeSecond},
		{name: "not JSON", current: "a secret"},
		{name: "a JSON array", current: "[]"},
		{name: "no shared_secret", current: good.with(written("", ""))},
		{name: "shared_secret is a number", current: `{"shared_secret":12345678901234567890,"created_at":"2026-01-02T03:04:05Z","tenant_id":"t_abc123","version":"1.0"}`},
		{name: "no tenant_id", current: good.with(of(""))},
		{name: "no created_at", current: good.with(func(d *stored) { d.Created = "" })},
		{name: "no version", current: good.with(format(""))},
		{name: "version 2.0", current: good.with(format("2.0"))},
		{name: "version 10.0", current: good.with(format("10.0"))},
		{name: "version is the number 1, as Terraform writes 1.0", current: numbered("1")},
		{name: "version is the number 1.0", current: numbered("1.0")},
		{name: "AWSPREVIOUS has the number 1 for its version: its keys count", current: l.document(l.key("C", v2)), previous: numbered("1"), changed: madeSecond},
		{name: "version is the number 1.1", current: numbered("1.1")},
		{name: "version is the number 2", current: numbered("2")},
		{name: "version is true", current: numbered("true")},
		{name: "state disabled", current: good.with(state("disabled"))},
		{name: "state null", current: raw(`{"shared_secret":%q,"created_at":"2026-01-02T03:04:05Z","tenant_id":"t_abc123","version":"1.0","state":null}`)},
		{name: "not_after is null", current: raw(`{"shared_secret":%q,"created_at":"2026-01-02T03:04:05Z","tenant_id":"t_abc123","version":"1.0","not_after":null}`)},
		{name: "not_after is a number", current: raw(`{"shared_secret":%q,"created_at":"2026-01-02T03:04:05Z","tenant_id":"t_abc123","version":"1.0","not_after":1767323045}`)},
		{name: "a date alone is no time", current: at("2026-02-02")},
		{name: "a time with a space", current: at("2026-02-02 03:04:05Z")},
		{name: "30 February", current: at("2026-02-30T03:04:05Z")},
		{name: "24 o'clock", current: at("2026-02-02T24:00:00Z")},
		{name: "a decimal comma", current: at("2026-02-02T03:04:05,5Z")},
		{name: "a zone without a colon", current: at("2026-02-02T03:04:05+0100")},
		{name: "previous is null", current: raw(`{"shared_secret":%q,"created_at":"2026-01-02T03:04:05Z","tenant_id":"t_abc123","version":"1.0","previous":null}`)},
		{name: "a previous key without a kid", current: l.document(l.key("B", v2), l.key("A", ""))},
		{name: "a previous key with a time that is none", current: l.document(l.key("B", v2), l.key("A", v1, ends("soon")))},
		{name: "a previous key that is a text", current: raw(`{"shared_secret":%q,"created_at":"2026-01-02T03:04:05Z","tenant_id":"t_abc123","version":"1.0","previous":["x"]}`)},
		{name: "revoked holds a number", current: raw(`{"shared_secret":%q,"created_at":"2026-01-02T03:04:05Z","tenant_id":"t_abc123","version":"1.0","revoked":[1]}`)},
	}
}
