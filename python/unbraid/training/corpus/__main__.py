from unbraid.training.corpus.builder import main

main()
