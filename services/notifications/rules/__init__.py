"""What the board says, as pure functions over dated facts: the same facts give the same answer in any order."""
