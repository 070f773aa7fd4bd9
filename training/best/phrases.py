"""Made-up English phrases that teach negation: "not a great film", "it isn't boring at all".

Labels of whole reviews say the opposite of what a person would: people write "not bad" in reviews that are negative. So
short phrases from a small grammar are added to the training set, and the terms of the grammar share columns by
meaning, so that a negated word which the phrases do not contain is understood as well.
"""

import random
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from training.behaviour import TEMPLATE_WORDS, words_of


class Polarity(NamedTuple):
    """What a word says about a film by itself."""

    positive: bool
    strong: bool


WORDS: dict[Polarity, list[str]] = {
    Polarity(positive=True, strong=True): words_of(
        """great excellent superb wonderful brilliant outstanding perfect amazing fantastic magnificent masterful
        exceptional extraordinary stunning exquisite sublime unforgettable marvelous phenomenal flawless dazzling
        remarkable astonishing breathtaking triumphant impeccable riveting mesmerizing spectacular stellar glorious
        luminous beautiful incredible awesome fabulous splendid terrific hilarious captivating heartwarming"""
    ),
    Polarity(positive=True, strong=False): words_of(
        """good fine nice decent solid funny charming interesting entertaining likable pleasant amusing worthwhile fun
        sweet fresh original convincing effective intelligent smart witty thoughtful compelling absorbing heartfelt warm
        tender honest moving sincere lively energetic vivid elegant graceful stylish imaginative inventive creative
        subtle nuanced insightful provocative poignant affecting memorable satisfying rewarding exciting thrilling
        suspenseful intriguing fascinating believable credible realistic authentic genuine humorous hysterical uplifting
        inspiring inspired ambitious accomplished assured polished skillful appealing attractive seductive sexy cool
        delicious infectious irresistible watchable recommended worth successful sharp taut tight rich deep profound
        complex layered wise humane sensitive gentle adorable cute lovely gorgeous scary creepy haunting atmospheric
        hypnotic quirky offbeat playful daring bold brave fearless powerful strong potent stirring rousing special
        impressive impressed pleased happy delightful engaging clever touching gripping enjoyable refreshing"""
    ),
    Polarity(positive=False, strong=True): words_of(
        """terrible awful horrible worst abysmal atrocious appalling horrendous dire disastrous unwatchable unbearable
        excruciating insufferable repulsive disgusting worthless laughable pitiful wretched execrable painful insulting
        garbage trash rubbish crap ghastly moronic idiotic dreadful lousy pathetic"""
    ),
    Polarity(positive=False, strong=False): words_of(
        """bad poor boring dull weak slow silly predictable disappointing mediocre uninteresting unfunny pointless tired
        stale shallow flat lifeless listless lame cheesy corny cheap amateurish sloppy messy muddled confusing confused
        incoherent convoluted contrived forced strained labored leaden ponderous plodding sluggish overlong bloated
        overwrought overblown overdone pretentious preachy manipulative sentimental sappy maudlin mawkish cloying
        saccharine formulaic generic derivative unoriginal uninspired unimaginative hackneyed trite banal obvious
        routine pedestrian perfunctory mechanical hollow empty soulless cold heartless charmless humorless witless
        aimless meandering rambling unfocused disjointed choppy uneven implausible unbelievable unconvincing ridiculous
        ludicrous absurd preposterous inane dumb mindless juvenile childish crude vulgar tasteless offensive sleazy
        nasty ugly drab dreary bleak gloomy depressing joyless tepid lukewarm lackluster limp inert vapid vacuous
        superficial thin flimsy slight insubstantial underdeveloped unsatisfying frustrating irritating grating
        obnoxious shrill exhausting wooden stilted awkward inept incompetent misguided misconceived botched flawed
        failed wasted unnecessary unpleasant unlikable murky overacted miscast dated redundant disappointed bored
        annoyed fake phony artificial excessive tedious clumsy tiresome annoying bland stupid forgettable"""
    ),
}
"""Words that say the same about any film."""

VERBS = {True: ("like", "love", "enjoy", "recommend", "appreciate"), False: ("hate", "dislike", "regret")}
BE = ("not", "isn't", "wasn't", "never", "aren't", "weren't", "hardly", "ain't", "neither", "nothing")
DO = ("don't", "didn't", "doesn't", "not", "never", "couldn't", "can't", "wouldn't", "cannot", "won't")
GAPS = ("a", "an", "very", "so", "that", "really", "the", "too")
VERDICTS = ("but", "but it's", "but a", "but very", "film is", "film was", "movie is", "movie was")
"""What comes before the word that counts: "The acting is poor, but the film is great.\""""

NOUNS = words_of("film movie story plot acting cast script ending picture performance comedy drama dialogue music")
SUBJECTS = ("it", "this", "the film", "the movie", "this movie", "the story", "the acting", "the whole thing")
PLAIN = (
    *("{w}", "{w}!", "{w} {n}", "a {w} {n}", "{s} is {w}", "{s} was {w}", "very {w}", "really {w}", "the {n} is {w}"),
    *("what a {w} {n}", "{w} and {v}", "a {w} and {v} {n}"),
)
NEGATED = (
    *("{b} {w}", "{b} {g} {w}", "{s} {b} {g} {w}", "{s} {b} {w} at all", "{b} {w} at all", "{s} is not {w}"),
    *("{s} is not a {w} {n}", "not a {w} {n}", "this isn't a {w} {n}", "this was not a {w} {n}", "{b} a {w} {n}"),
    *("{s} was never {w}", "{s} isn't {w}", "{s} wasn't {g} {w}", "i did not find it {w}"),
    "there is nothing {w} about it",
)
NEGATED_VERB = ("{d} {w}", "i {d} {w} {s}", "i {d} really {w} this {n}")
CONTRAST = (
    *("not {w} but {v}", "{s} is not {w}, it is {v}", "not a {w} {n}, but a {v} one", "{s} is {v}, not {w}"),
    *("{s} is {w} but {v}", "{w}, but it's {v}", "it looks {w} but it's {v}"),
    "i expected something {w}, but it is {v}",
    *("it could have been {w}, but it was {v}", "the {n} is {w}, but it's a {v} film"),
    *("the {n} is {w}, but the film is {v}", "the acting is {w}, but the movie is {v}"),
    "the {n} was {w}, but the film was {v}",
)

PLAIN_TARGETS = {(True, True): 0.95, (True, False): 0.88, (False, True): 0.04, (False, False): 0.1}
NEGATED_TARGETS = {(True, True): 0.12, (True, False): 0.08, (False, True): 0.75, (False, False): 0.88}
CONTRAST_TARGETS = {True: 0.88, False: 0.12}
"""Polarity -> probability that a person would call the phrase positive."""


def grammar_terms(polarities: Mapping[str, Polarity]) -> Iterator[tuple[str, tuple[str, Polarity]]]:
    """Yield the terms of negated words and verdicts, each with its meaning; terms of one meaning share a column.

    Words that are not in WORDS get only the commonest negations.
    """
    known = {word for words in WORDS.values() for word in words}
    for word, polarity in polarities.items():
        negators, gaps = (BE, GAPS) if word in known else (BE[:4], ("a", "an", "very"))
        for negator in negators:
            yield f"{negator} {word}", ("negated", polarity)
        for negator in negators[:6]:
            for gap in gaps:
                yield f"{negator} {gap} {word}", ("negated", polarity)
        for start in VERDICTS:
            yield f"{start} {word}", ("verdict", polarity)
    for positive, verbs in VERBS.items():
        for verb in verbs:
            for negator in DO:
                for gap in ("", "really ", "even "):
                    yield f"{negator} {gap}{verb}", ("negated", Polarity(positive, strong=False))


def make_phrases(count: int, frequencies: Mapping[str, int], rng: random.Random) -> list[tuple[str, float]]:
    """Make phrases: a third plain, two fifths negated, the rest contrasts, in which the last word counts.

    Frequent words, which are in many reviews, are chosen more often.

    Returns:
        Texts and the probability that each is positive. They do not contain TEMPLATE_WORDS, which test the result.
    """
    unseen = {word for words in TEMPLATE_WORDS.values() for word in words}
    words = {polarity: [word for word in group if word not in unseen] for polarity, group in WORDS.items()}
    weights = {polarity: [max(frequencies.get(w, 0), 20) ** 0.7 for w in group] for polarity, group in words.items()}

    def choose(positive: bool) -> tuple[str, Polarity]:
        polarity = Polarity(positive, strong=rng.random() < 0.4)
        return rng.choices(words[polarity], weights[polarity])[0], polarity

    phrases = []
    for _ in range(count):
        word, polarity = choose(rng.random() < 0.5)
        same, opposite = choose(polarity.positive)[0], choose(not polarity.positive)[0]
        kind = rng.random()
        other = same
        if kind < 0.34:
            pattern, target = rng.choice(PLAIN), PLAIN_TARGETS[polarity]
        elif kind < 0.68:
            pattern, target = rng.choice(NEGATED), NEGATED_TARGETS[polarity]
        elif kind < 0.74:
            pattern, target = rng.choice(NEGATED_VERB), NEGATED_TARGETS[polarity.positive, False]
            word = rng.choice(VERBS[polarity.positive])
        else:
            pattern, target, other = rng.choice(CONTRAST), CONTRAST_TARGETS[not polarity.positive], opposite
        fillers = {"n": rng.choice(NOUNS), "s": rng.choice(SUBJECTS), "b": rng.choice(BE), "d": rng.choice(DO)}
        phrases.append((pattern.format(w=word, v=other, g=rng.choice(GAPS), **fillers), target))
    return phrases
