package secretstest

import (
	"slices"
	"strings"
	"unicode"
)

// words takes a text apart as the service's search does: into runs of letters
// and digits, and those before an upper-case letter that a lower-case one
// follows, and before a digit that follows a letter. "credsDatabase#892" is
// creds, Database and 892, "COMPANYthings" is COMPAN and Ythings.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/manage_search-secret.html
// and moto's tests of list_secrets, verified against AWS.
func words(text string) []string {
	var found []string
	runs := strings.FieldsFunc(text, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) })
	for _, run := range runs {
		letters, start := []rune(run), 0
		for i := 1; i < len(letters); i++ {
			if beginsWord(letters, i) {
				found = append(found, strings.ToLower(string(letters[start:i])))
				start = i
			}
		}
		found = append(found, strings.ToLower(string(letters[start:])))
	}
	return found
}

func beginsWord(letters []rune, i int) bool {
	switch c := letters[i]; {
	case unicode.IsUpper(c):
		return i+1 < len(letters) && unicode.IsLower(letters[i+1])
	case unicode.IsDigit(c):
		return unicode.IsLetter(letters[i-1])
	}
	return false
}

// hasWords tells whether each of the words begins some word of the text, in
// whichever letter case. No words are in no text.
func hasWords(text string, wanted []string) bool {
	if len(wanted) == 0 {
		return false
	}
	held := words(text)
	for _, w := range wanted {
		if !slices.ContainsFunc(held, func(h string) bool { return strings.HasPrefix(h, w) }) {
			return false
		}
	}
	return true
}
