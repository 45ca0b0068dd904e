// Judges histories of a register by porcupine: reads them from standard input, one a line, and
// writes true or false for each.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"

	"github.com/anishathalye/porcupine"
)

type asked struct {
	Name     string `json:"name"`
	Value    int    `json:"value"`
	Expected int    `json:"expected"`
}

type answer struct {
	Value int  `json:"value"`
	Done  bool `json:"done"`
}

// Times are whole numbers here. What never ended has none.
type operation struct {
	Called int64   `json:"called"`
	Ended  *int64  `json:"ended"`
	Asked  asked   `json:"asked"`
	Answer *answer `json:"answer"`
}

func step(state, input, output interface{}) (bool, interface{}) {
	register, call, told := state.(int), input.(asked), output.(*answer)
	switch call.Name {
	case "read":
		return told == nil || told.Value == register, register
	case "write":
		return true, call.Value
	}
	done := call.Expected == register
	if told != nil && told.Done != done {
		return false, register
	}
	if done {
		return true, call.Value
	}
	return true, register
}

func main() {
	model := porcupine.Model{
		Init: func() interface{} { return 0 },
		Step: step,
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var read []operation
		if err := json.Unmarshal(lines.Bytes(), &read); err != nil {
			panic(err)
		}
		history := make([]porcupine.Operation, 0, len(read))
		for _, one := range read {
			ended := int64(math.MaxInt64)
			if one.Ended != nil {
				ended = *one.Ended
			}
			history = append(history, porcupine.Operation{
				Input: one.Asked, Call: one.Called, Output: one.Answer, Return: ended,
			})
		}
		fmt.Println(porcupine.CheckOperations(model, history))
	}
}
