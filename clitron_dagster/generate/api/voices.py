"""Who asks, and how: what stands in for the sampling parameters that current APIs refuse.

The two lists have lengths without a common divisor, so that walking both at once meets every pair.
Each name is written into a request; its description stands once, in the cached part of the prompt.
"""

# Of plan and prompt: raising it makes rows of a model stale and asks for everything again. It stands
# here because the settings read it as well, and this module imports nothing.
PROMPT_VERSION = "1"

STYLES = {
    "order": "a plain imperative sentence",
    "question": "a question, as to a colleague (can you, how do I, is there a way to)",
    "need": "a statement of what is needed or wrong; the command is implied",
    "goal": "the aim or the trouble behind it, never the command's own verb or name",
    "keywords": "a few bare words as in a search box, no grammar",
    "terse": "at most five words, lower case, no punctuation",
    "polite": "polite and somewhat wordy, a full sentence or two",
    "story": "half a sentence of what just happened, then the wish",
    "spoken": "as dictated: contractions, fillers, small numbers as words",
    "sloppy": "typed in a hurry: a typo or two, no capitals, loose grammar; values stay exact",
    "jargon": "an old hand's idiom and abbreviations for this tool's field",
}
PERSONAS = {
    "newcomer": "started last week, knows the aim but no terms of this tool",
    "developer": "uses the tool every day",
    "operator": "on call at night, wants it done at once",
    "reviewer": "careful, says exactly what may and may not change",
    "writer": "writes documentation, describes things instead of naming commands",
    "manager": "wants an overview, thinks in tasks and people",
    "tester": "thinks in cases and limits, asks for specific options",
    "second-language": "simple English with slightly foreign grammar",
    "switcher": "comes from a rival tool and uses that one's words",
    "assistant": "a chat assistant that passes on a user's wish in the third person",
}
CONTEXT_STATES = {
    "none": "no context is given; the request itself names every value",
    "present": "a context is given, but the request names its values itself",
    "needed": "the request says this, current, it or here, and the context gives that value",
}
