//go:build !race

package secretstest_test

const raceEnabled = false
